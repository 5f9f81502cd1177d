/** How is a piece of page built? Small helpers over createElement, so that no HTML text is ever parsed. */

/**
 * @param {string} tag "button.icon" makes a button of class icon
 * @param {Record<string, any>} props `on…` listeners, `class`, `data-…`, ARIA and other attributes; null and false are left out
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = [...classes, value].join(" ").trim();
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One drawing of icons.svg. It says nothing to screen readers: the button around it has the name. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/viewer/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Changes the drawing of an icon (or of what holds one). Only when it is another one: setting the same address again
 * makes Chromium fetch the drawing anew, and it flickers. @param {Element} holder @param {string} name
 */
export function setIcon(holder, name) {
  const use = holder.querySelector("use");
  const href = `/viewer/icons.svg#${name}`;
  if (use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/**
 * A button with a drawing. @param {string} name of the drawing @param {string} label for tooltip and screen reader
 * @param {(event: Event) => void} onclick @param {Record<string, any>} props
 */
export function iconButton(name, label, onclick, props = {}) {
  return h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

const SIGNS = {
  "☕": "sign-cup",
  "⏳": "sign-hourglass",
  "💩🔥": "sign-fire",
  "🎉": "sign-party",
  "☁️": "sign-cloud",
  "🔌": "sign-plug",
  "🔑": "sign-key",
  "🔀": "sign-merge",
  "🧭": "sign-compass",
  "📭": "sign-tray",
  "👥": "sign-people",
  "👤": "person",
  "🧩": "sign-puzzle",
  "🩹": "sign-patch",
  "✏️": "sign-pencil",
  "✓": "sign-check",
  "●": "sign-dot",
  "🤝": "sign-handshake",
  "🔄": "refresh",
  "🔍": "search",
};

const AS_EMOJI = new Set(["☕", "⏳", "💩🔥", "🎉"]); // people know these four from their colleagues; the others are drawn
let hasEmoji = null;

/** Whether this system has coloured emoji (a plain Linux has none and would show boxes). */
function canShowEmoji() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 16;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.font = "14px sans-serif";
  context.fillText("💩", 0, 13);
  const { data } = context.getImageData(0, 0, 16, 16);
  return data.some((value, at) => at % 4 === 0 && value !== data[at + 2]);
}

/** A sign of messages.js. `data-sign` keeps it where it had to be drawn. @param {string} text @returns {Element | null} */
export function sign(text) {
  if (!text) return null;
  hasEmoji ??= canShowEmoji();
  const isDrawn = SIGNS[text] && !(hasEmoji && AS_EMOJI.has(text));
  const element = isDrawn ? icon(SIGNS[text]) : h("span.emoji", { "aria-hidden": "true" }, text);
  element.dataset.sign = text;
  return element;
}
