/** How does a menu open under a button? Arrow keys move, Escape and a click elsewhere close. */
import { h } from "./dom.js";

let open = null;

/**
 * @param {HTMLElement} anchor the button @param {(Node | null)[]} items
 * @returns {() => void} closes it
 */
export function openMenu(anchor, items) {
  open?.();
  const menu = h("div.menu", { role: "dialog", tabindex: "-1", "aria-label": anchor.getAttribute("aria-label") }, ...items);
  const close = (event) => {
    if (event && (menu.contains(event.target) || anchor.contains(event.target))) return;
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", close, true);
    if (open === close) open = null;
  };
  menu.addEventListener("keydown", (event) => onKey(event, menu, anchor, close));
  menu.addEventListener("click", (event) => event.target.closest("[data-closes]") && close());
  document.body.append(menu);
  place(menu, anchor);
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", close, true);
  // Who came by keyboard starts at the first line; after a click no line is marked, but arrows work as well.
  const first = document.activeElement === anchor ? menu.querySelector("button:enabled") : null;
  (first ?? menu).focus({ preventScroll: true });
  open = close;
  return close;
}

/** Opens the menu, or closes it when it is open already. */
export function toggleMenu(anchor, items) {
  if (anchor.getAttribute("aria-expanded") === "true") open?.();
  else openMenu(anchor, items());
}

function onKey(event, menu, anchor, close) {
  event.stopPropagation();
  if (event.key === "Escape") {
    close();
    anchor.focus();
  }
  const direction = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!direction || event.target.matches("input")) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("button:enabled, input")];
  items[(items.indexOf(document.activeElement) + direction + items.length) % items.length]?.focus();
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

/** One line of a menu. @param {{icon?: Node, label: string, key?: string, onclick: () => void, isOn?: boolean, disabled?: boolean}} item */
export function menuItem({ icon, label, key, onclick, isOn, disabled }) {
  const state = isOn === undefined ? {} : { "aria-pressed": String(isOn) };
  return h(
    "button.menu-item",
    { type: "button", onclick, disabled, "data-closes": isOn === undefined, ...state },
    icon,
    h("span", {}, label),
    isOn === undefined ? null : h("span.tick", { "aria-hidden": "true" }, "✓"),
    key ? h("kbd", {}, key) : null,
  );
}
