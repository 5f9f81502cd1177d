/** How does the page ask or show something on top? Native <dialog>: focus is kept inside, Escape closes. */
import { h, iconButton } from "./dom.js";

/**
 * Shows a dialog until it is closed.
 * @param {string} title @param {Node[]} content
 * @param {{actions?: {value: string, label: string, kind?: "main" | "danger"}[], class?: string, isLong?: boolean}} options isLong: the focus stays at the top
 * @returns {{closed: Promise<string>, close: (value?: string) => void, element: HTMLDialogElement}}
 *   `closed` gives the value of the button that closed it, "" for Escape and the cross.
 */
export function openDialog(title, content, { actions = [], class: className = "", isLong = false } = {}) {
  const titleId = `dialog-${Math.random().toString(36).slice(2)}`;
  const element = h("dialog", { class: `dialog ${className}`, "aria-labelledby": titleId });
  const close = (value = "") => element.close(value);
  element.append(
    h("header.dialog-head", {}, h("h2", { id: titleId }, title), iconButton("close", "Close", () => close())),
    h("div.dialog-body", { tabindex: "0" }, ...content),
  );
  if (actions.length > 0) {
    const buttons = actions.map(({ value, label, kind }) =>
      h("button", { type: "button", class: `button ${kind ?? ""}`, autofocus: kind === "main" && !isLong, onclick: () => close(value) }, label),
    );
    element.append(h("footer.dialog-foot", {}, ...buttons));
  }
  const closed = new Promise((resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      resolve(element.returnValue);
    });
  });
  element.addEventListener("click", (event) => {
    if (event.target === element) close();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault(); // a search field would keep Escape to itself in WebKit
    close();
  });
  document.body.append(element);
  element.showModal();
  return { closed, close, element };
}

/** Asks a question. @returns {Promise<string>} value of the chosen action, "" for none */
export function ask(title, text, actions) {
  return openDialog(title, [h("p", {}, text)], { actions, class: "question" }).closed;
}
