/** How does a menu open under a button? Arrow keys move, Escape and a click elsewhere close. */
import { h } from "./dom.js";

let open = null;

/**
 * @param {HTMLElement} anchor the button @param {(Node | null)[]} items
 * @returns {() => void} closes it
 */
export function openMenu(anchor, items) {
  open?.();
  const isByKey = document.activeElement === anchor;
  const menu = h("div.menu", { role: "dialog", tabindex: "-1", "aria-label": anchor.getAttribute("aria-label") }, ...items);
  const close = (event) => {
    if (event && (menu.contains(event.target) || anchor.contains(event.target))) return;
    menu.remove();
    if (isByKey) anchor.focus(); // from there a dialog, too, gives the focus back
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", close, true);
    if (open === close) open = null;
  };
  menu.addEventListener("keydown", (event) => onKey(event, menu, close));
  // Before the line's own listener: a dialog that it opens gives the focus back to the button, not to a menu that is gone.
  menu.addEventListener("click", (event) => event.target.closest("[data-closes]") && close(), true);
  document.body.append(menu);
  place(menu, anchor);
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", close, true);
  // Who came by keyboard starts at the first line; after a click no line is marked, but arrows work as well.
  const first = isByKey ? menu.querySelector("button:enabled") : null;
  (first ?? menu).focus({ preventScroll: true });
  open = close;
  return close;
}

/** Opens the menu, or closes it when it is open already. */
export function toggleMenu(anchor, items) {
  if (anchor.getAttribute("aria-expanded") === "true") open?.();
  else openMenu(anchor, items());
}

/** Arrows and Tab go round inside the menu; on a slider the arrows move the slider. */
function onKey(event, menu, close) {
  event.stopPropagation();
  if (event.key === "Escape") close();
  const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
  const isTab = event.code === "Tab"; // WebKitGTK has no name for it with Shift
  if (!isTab && (!isArrow || event.target.matches("input"))) return;
  event.preventDefault();
  const isBack = event.key === "ArrowUp" || (isTab && event.shiftKey);
  const items = [...menu.querySelectorAll("button:enabled, input")];
  const at = items.indexOf(document.activeElement);
  items.at(isBack ? Math.max(at, 0) - 1 : (at + 1) % items.length)?.focus();
}

function place(menu, anchor) {
  const button = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const isRail = button.left < 80 || button.right > innerWidth - 12 - 64;
  const beside = button.left < innerWidth / 2 ? button.right + 8 : button.left - width - 8;
  const isBar = button.top < 64 || button.bottom > innerHeight - 64 || innerWidth < 700;
  const left = isRail && !isBar ? beside : Math.min(button.left, innerWidth - width - 8);
  const below = button.bottom + 6 + height < innerHeight ? button.bottom + 6 : button.top - height - 6;
  const top = isRail && !isBar ? Math.min(button.top, innerHeight - height - 8) : below;
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${Math.max(8, top)}px`;
}

/**
 * One line of a menu. Lines that switch something (`isOn`) leave it open, others close it.
 * @param {{icon?: Node, label: string, key?: string, onclick: () => void, isOn?: boolean, closes?: boolean, disabled?: boolean, class?: string}} item
 */
export function menuItem({ icon, label, key, onclick, isOn, closes = isOn === undefined, ...more }) {
  const state = isOn === undefined ? {} : { "aria-pressed": String(isOn) };
  return h(
    "button.menu-item",
    { type: "button", onclick, "data-closes": closes, ...state, ...more },
    icon,
    h("span", {}, label),
    isOn === undefined ? null : h("span.tick", { "aria-hidden": "true" }, "✓"),
    key ? h("kbd", {}, key) : null,
  );
}
