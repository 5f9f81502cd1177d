/**
 * Which key does what? The one table of every action that has a key or can be given one, called by the key handler, help and settings.
 *
 * Pure. A combination is written "Mod+Shift+Z": modifiers in the order Mod (Ctrl, or ⌘ on a Mac), Alt, Shift, then the
 * key: a capital letter, a digit, a sign ("[") or a name as in KeyboardEvent.key ("ArrowLeft", "Space"). Signs and
 * digits carry no Shift where they are written with it, because which ones need it depends on the keyboard. What a person changed is `overrides`:
 * `{action id: [combinations]}`, an empty list for "no key".
 */

const action = (id, group, name, ...keys) => Object.freeze({ id, group, name, keys: Object.freeze(keys) });

/** In the order that help shows them. `name` is what a person reads. */
export const ACTIONS = Object.freeze([
  action("brush", "Painting", "Brush", "B"),
  action("eraser", "Painting", "Eraser", "E"),
  action("polygon", "Painting", "Polygon", "P"),
  action("lasso", "Painting", "Lasso", "L"),
  action("cursor", "Painting", "Draw with the keyboard: arrows and Enter", "K"),
  action("pan", "Painting", "Move the picture", "H"),
  action("window", "Painting", "Brightness by dragging", "W"),
  action("smaller", "Painting", "Smaller brush", "["),
  action("larger", "Painting", "Larger brush", "]"),
  action("threshold", "Painting", "Paint only similar greys", "T"),
  action("fill_holes", "Mask", "Fill holes", "F"),
  action("grow", "Mask", "Grow", "+", "="),
  action("shrink", "Mask", "Shrink", "-"),
  action("smooth", "Mask", "Smooth", "S"),
  action("copy_previous", "Mask", "Copy the mask of the frame before", "C"),
  action("copy_next", "Mask", "Copy the mask of the frame after", "Shift+C"),
  action("mark_empty", "Mask", "Mark as empty", "M"),
  action("clear", "Mask", "Clear this frame", "Delete", "Backspace"),
  action("undo", "Mask", "Undo", "Mod+Z"),
  action("redo", "Mask", "Redo", "Mod+Shift+Z", "Mod+Y"),
  action("reset_frame", "Mask", "Take all changes of this frame back"),
  action("reset_series", "Mask", "Take all unsaved changes of this exam back"),
  action("previous", "Moving", "Frame before", "ArrowLeft"),
  action("next", "Moving", "Frame after", "ArrowRight"),
  action("back_ten", "Moving", "Ten frames back", "Shift+ArrowLeft"),
  action("forward_ten", "Moving", "Ten frames on", "Shift+ArrowRight"),
  action("first", "Moving", "First frame", "Home"),
  action("last", "Moving", "Last frame", "End"),
  action("play", "Moving", "Play or pause", "Space"),
  action("slower", "Moving", "Play slower", ","),
  action("faster", "Moving", "Play faster", "."),
  action("loop", "Moving", "Play in a loop"),
  action("previous_annotation", "Moving", "Annotation before", "ArrowUp"),
  action("next_annotation", "Moving", "Annotation after", "ArrowDown"),
  action("least_certain", "Moving", "Least certain frame", "U"),
  action("next_unsaved", "Moving", "Next unsaved frame", "Shift+U"),
  action("fit", "Picture", "Fit to the window", "0"),
  action("zoom_in", "Picture", "Zoom in", "Z"),
  action("zoom_out", "Picture", "Zoom out", "Shift+Z"),
  action("invert", "Picture", "Invert black and white", "I"),
  action("opacity", "Picture", "Fainter or stronger masks"),
  action("outline", "Picture", "Outline only", "O"),
  action("hide_masks", "Picture", "Hide or show masks", "V"),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => action(`label_${n}`, "Labels", `Label type ${n}`, String(n))),
  action("save", "Work", "Save", "Mod+S"),
  action("next_series", "Work", "Next exam", "N"),
  action("done", "Work", "Done, or open again", "D"),
  action("exams", "Work", "Choose an exam", "X"),
  action("history", "Work", "Earlier versions", "Y"),
  action("settings", "Work", "Settings", "Mod+,"),
  action("help", "Work", "Help", "?", "F1"),
]);

/** The combinations of every action: the defaults, or what the person chose. @returns {Map<string, string[]>} */
export function keysOf(overrides = {}) {
  return new Map(ACTIONS.map(({ id, keys }) => [id, [...(overrides[id] ?? keys)]]));
}

/** Which action a combination starts; of several the first in the table. @returns {Map<string, string>} */
export function bindingsOf(overrides = {}) {
  const bindings = new Map();
  for (const [id, keys] of keysOf(overrides)) {
    for (const key of keys) if (!bindings.has(key)) bindings.set(key, id);
  }
  return bindings;
}

/** Combinations that more than one action claims. @returns {{key: string, actions: string[]}[]} */
export function clashesOf(overrides = {}) {
  const claims = new Map();
  for (const [id, keys] of keysOf(overrides)) {
    for (const key of new Set(keys)) claims.set(key, [...(claims.get(key) ?? []), id]);
  }
  return [...claims].filter(([, actions]) => actions.length > 1).map(([key, actions]) => ({ key, actions }));
}

/**
 * The action of a key press, or null. Tries what the key writes, then where the key lies: so "Z" works where the
 * keyboard writes Cyrillic, and "[" where it needs AltGr (by what it writes) or is an umlaut (by where it lies).
 * @param {KeyboardEvent} event
 */
export function actionFor(event, bindings) {
  for (const key of combinationsOf(event)) if (bindings.has(key)) return bindings.get(key);
  return null;
}

/** The combination to write down for a key press in settings; null for a modifier alone or a dead key. */
export function recorded(event) {
  return combinationsOf(event)[0] ?? null;
}

const MODIFIERS = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "NumLock", "Fn", "Dead", "Process", "Unidentified"]);
const SIGNS_BY_CODE = {
  BracketLeft: "[", BracketRight: "]", Comma: ",", Period: ".", Slash: "/", Semicolon: ";", Quote: "'", Backquote: "`",
  Backslash: "\\", Minus: "-", Equal: "=", NumpadAdd: "+", NumpadSubtract: "-",
};

/** Every combination that a key press can mean, the likeliest first. */
function combinationsOf(event) {
  const { key, code = "" } = event;
  const mod = event.ctrlKey || event.metaKey;
  const found = [];
  const add = (name, { alt = event.altKey, shift = event.shiftKey, isMod = mod } = {}) =>
    found.push([isMod ? "Mod" : "", alt ? "Alt" : "", shift ? "Shift" : "", name].filter(Boolean).join("+"));
  const isAltGraph = event.getModifierState?.("AltGraph") ?? false; // Windows says Ctrl+Alt for it
  if (/^[a-z]$/i.test(key)) add(key.toUpperCase());
  else if (key === " ") add("Space");
  else if (/^[!-~]$/.test(key)) add(key, isAltGraph ? { alt: false, shift: false, isMod: false } : { shift: false });
  else if (key.length > 1 && !MODIFIERS.has(key)) add(key);
  const place = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code);
  const placed = place ? (place[1] ?? place[2]) : SIGNS_BY_CODE[code];
  const isLatin = /^[a-z]$/i.test(key); // a Latin letter means itself, wherever its key lies
  if (placed && !isLatin && !isAltGraph) add(placed, /[A-Z0-9]/.test(placed) ? {} : { shift: false });
  return [...new Set(found)];
}

const NAMES = {
  ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", Backspace: "⌫", Escape: "Esc",
  PageUp: "Page up", PageDown: "Page down", Enter: "Enter ⏎",
};

/** A combination as a person reads it: "Ctrl + Shift + Z", on a Mac "⌘ ⇧ Z". */
export function keyName(combination, isMac = false) {
  const parts = combination.endsWith("+") ? [...combination.slice(0, -1).split("+").filter(Boolean), "+"] : combination.split("+");
  const modifiers = isMac ? { Mod: "⌘", Alt: "⌥", Shift: "⇧" } : { Mod: "Ctrl" };
  return parts.map((part) => modifiers[part] ?? NAMES[part] ?? part).join(isMac ? " " : " + ");
}
