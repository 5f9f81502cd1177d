/**
 * How does the page say something in passing? Short notes at the bottom that go away by themselves. While a dialog is open
 * they are in it: what lies behind a dialog can be neither seen nor pressed.
 */
import { h, sign } from "./dom.js";
import { messageFor } from "./messages.js";

const STAY_MS = 6000;
const LONG_STAY_MS = 15_000; // what went wrong, or offers something to press

/**
 * @param {HTMLElement} place
 * @returns {(message: string | {code: string}, options?: {action?: {label: string, run: () => void}, key?: string}) => void}
 *   `key`: a note with the same key is replaced rather than repeated
 */
export function createToasts(place) {
  const shown = new Map();
  const home = place.parentElement;
  const moveUp = () => ([...document.querySelectorAll("dialog[open]")].at(-1) ?? home).append(place);
  document.addEventListener("close", moveUp, true); // before the dialog is removed
  const say = (message, { action, key } = {}) => {
    const {
      sign: mark,
      text,
      tone,
    } = typeof message === "string" ? { sign: "", text: message, tone: "calm" } : messageFor(message.code);
    const id = key ?? text;
    shown.get(id)?.remove();
    const run = () => {
      toast.remove();
      action.run();
    };
    const toast = h(
      "div.toast",
      { "data-tone": tone },
      sign(mark),
      h("span", {}, text),
      action && h("button.button", { type: "button", onclick: run }, action.label),
    );
    shown.set(id, toast);
    moveUp();
    place.append(toast);
    leaveLater(toast, action || tone === "bad" ? LONG_STAY_MS : STAY_MS);
  };
  /** Takes a note away that has lost its meaning. */
  const dismiss = (key) => shown.get(key)?.remove();
  return Object.assign(say, { dismiss });
}

/** Nobody is hurried: while the pointer or the focus is on it, a note stays. */
function leaveLater(toast, ms) {
  let timer = setTimeout(() => toast.remove(), ms);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) {
    toast.addEventListener(name, () => {
      clearTimeout(timer);
      timer = setTimeout(() => toast.remove(), ms);
    });
  }
}
