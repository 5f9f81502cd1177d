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
 * A button with a drawing. @param {string} name of the drawing @param {string} label for tooltip and screen reader
 * @param {(event: Event) => void} onclick @param {Record<string, any>} props
 */
export function iconButton(name, label, onclick, props = {}) {
  return h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}
