/** Which key shall start what? The part of the settings page where every shortcut can be changed. */
import { h } from "../dom.js";
import { ACTIONS, clashesOf, keyName, keysOf, recorded } from "../shortcuts.js";

const NAMES = new Map(ACTIONS.map(({ id, name }) => [id, name]));

/**
 * @param {Record<string, string[]>} overrides as in the settings
 * @param {boolean} isMac
 * @param {(overrides: Record<string, string[]>) => Promise<boolean>} onChange keeps what was changed; false when it could not
 * @returns {HTMLElement}
 */
export function shortcutEditor(overrides, isMac, onChange) {
  let chosen = { ...overrides };
  let last = Promise.resolve();
  let stop = () => {};
  const status = h("p.quiet", { role: "status" });
  const rows = h("div.shortcut-list", {});
  const element = h("div", {}, status, rows);

  // One after another, and shown when it is kept: a key that stands here works.
  const change = (id, keys) => {
    last = last.then(async () => {
      const wanted = { ...chosen };
      if (keys === null) delete wanted[id];
      else wanted[id] = keys;
      if (await onChange(wanted)) chosen = wanted;
      show();
      rows.querySelector(`[data-action="${id}"] button`)?.focus();
    });
  };
  const record = (id) => {
    stop();
    const onKey = (event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      const key = event.key === "Escape" ? "" : recorded(event);
      if (key === null) return; // a modifier alone: the key is still to come
      stop();
      if (key) change(id, [key]);
      else show();
    };
    window.addEventListener("keydown", onKey, true);
    stop = () => {
      window.removeEventListener("keydown", onKey, true);
      stop = () => {};
    };
    show(id);
  };
  const show = (recording = null) => {
    const clashes = clashesOf(chosen);
    const count = clashes.length === 1 ? "One key does" : `${clashes.length} keys do`;
    const warning = clashes.length > 0 ? `${count} two things; the one further up the list wins.` : "Every key does one thing.";
    status.textContent = recording ? `Press the new key for “${NAMES.get(recording)}”. Escape keeps the old one.` : warning;
    status.dataset.tone = clashes.length > 0 && !recording ? "warn" : "calm";
    rows.replaceChildren(...ACTIONS.map((action) => row(action, chosen, clashes, isMac, recording === action.id, { record, change })));
  };
  const observer = new MutationObserver(() => element.isConnected || (stop(), observer.disconnect()));
  observer.observe(document.body, { childList: true });
  show();
  return element;
}

function row({ id, name, group }, chosen, clashes, isMac, isRecording, { record, change }) {
  const keys = keysOf(chosen).get(id);
  const others = clashes.filter(({ actions }) => actions.includes(id)).flatMap(({ actions }) => actions.filter((other) => other !== id));
  const note = others.length > 0 ? `Also used by: ${[...new Set(others)].map((other) => NAMES.get(other)).join(", ")}` : "";
  const text = isRecording ? "Press a key…" : keys.map((key) => keyName(key, isMac)).join("  or  ") || "No key";
  return h("div.shortcut-row", { "data-action": id, "data-clashes": others.length > 0 },
    h("span", {}, name, h("br"), h("span.quiet", {}, note || group)),
    h("button.button", { type: "button", "aria-label": `${name}: ${text}. Change`, "aria-pressed": String(isRecording), onclick: () => record(id) }, text),
    h("button.button.text-button", { type: "button", "aria-label": `${name}: use no key`, disabled: keys.length === 0, onclick: () => change(id, []) }, "None"),
    h("button.button.text-button", { type: "button", "aria-label": `${name}: back to the usual key`, disabled: !(id in chosen), onclick: () => change(id, null) }, "Usual"));
}
