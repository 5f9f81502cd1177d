import assert from "node:assert/strict";
import { test } from "node:test";

import { actionFor, ACTIONS, bindingsOf, clashesOf, keyName, keysOf, recorded } from "../../web_viewer/shortcuts.js";

const press = (key, code = "", modifiers = {}) => ({
  key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...modifiers,
  getModifierState: (name) => name === "AltGraph" && Boolean(modifiers.isAltGraph),
});
const defaults = bindingsOf();
const started = (...args) => actionFor(press(...args), defaults);

test("the defaults clash nowhere, and every action has a name, a group and its own id", () => {
  assert.deepEqual(clashesOf(), []);
  assert.equal(new Set(ACTIONS.map(({ id }) => id)).size, ACTIONS.length);
  assert.equal(new Set(ACTIONS.map(({ name }) => name)).size, ACTIONS.length);
  for (const { id, group, name } of ACTIONS) assert.ok(id && group && name);
});

test("every default combination is what its key press is recorded as", () => {
  for (const { id, keys } of ACTIONS) {
    for (const combination of keys) {
      const name = combination.replace(/^(Mod\+)?(Alt\+)?(Shift\+)?/, "");
      const key = name === "Space" ? " " : /^[A-Z]$/.test(name) && !combination.includes("Shift+") ? name.toLowerCase() : name;
      const event = press(key, "", { ctrlKey: combination.startsWith("Mod+"), shiftKey: combination.includes("Shift+") });
      assert.equal(recorded(event), combination);
      assert.equal(actionFor(event, defaults), id);
    }
  }
});

test("plain letters, capital letters and modifiers differ", () => {
  assert.equal(started("b", "KeyB"), "brush");
  assert.equal(started("B", "KeyB"), "brush", "caps lock does not matter");
  assert.equal(started("b", "KeyB", { ctrlKey: true }), null);
  assert.equal(started("z", "KeyZ", { ctrlKey: true }), "undo");
  assert.equal(started("z", "KeyZ", { metaKey: true }), "undo");
  assert.equal(started("Z", "KeyZ", { metaKey: true, shiftKey: true }), "redo");
  assert.equal(started("C", "KeyC", { shiftKey: true }), "copy_next");
});

test("keyboards of other scripts and layouts work", () => {
  assert.equal(started("и", "KeyB"), "brush", "Cyrillic");
  assert.equal(started("я", "KeyZ", { ctrlKey: true }), "undo", "Cyrillic");
  assert.equal(started("ü", "BracketLeft"), "smaller", "German, by place");
  assert.equal(started("[", "Digit8", { ctrlKey: true, altKey: true, isAltGraph: true }), "smaller", "German, AltGr");
  assert.equal(started("&", "Digit1"), "label_1", "French");
  assert.equal(started("1", "Digit1", { shiftKey: true }), "label_1", "French, shifted");
  assert.equal(started("y", "KeyZ", { ctrlKey: true }), "redo", "German Y lies on KeyZ and means Y");
  assert.equal(started("+", "NumpadAdd"), "grow");
  assert.equal(started("?", "Slash", { shiftKey: true }), "help");
  assert.equal(started("ß", "Minus"), "shrink");
  assert.equal(started("?", "Minus", { shiftKey: true }), "help", "German question mark");
});

test("modifiers alone and dead keys start and record nothing", () => {
  for (const key of ["Shift", "Control", "Meta", "Alt", "AltGraph", "Dead", "Process"]) {
    assert.equal(started(key), null);
    assert.equal(recorded(press(key)), null);
  }
});

test("overrides replace the defaults, an empty list unbinds, clashes are named", () => {
  const overrides = { brush: ["Q"], eraser: ["Q", "E"], polygon: [] };
  const bindings = bindingsOf(overrides);
  assert.equal(actionFor(press("q", "KeyQ"), bindings), "brush");
  assert.equal(actionFor(press("b", "KeyB"), bindings), null);
  assert.equal(actionFor(press("p", "KeyP"), bindings), null);
  assert.deepEqual(clashesOf(overrides), [{ key: "Q", actions: ["brush", "eraser"] }]);
  assert.deepEqual(keysOf(overrides).get("polygon"), []);
  assert.deepEqual(clashesOf({ brush: ["Q", "Q"] }), [], "twice the same key for one action is no clash");
});

test("names are what is printed on the keys", () => {
  assert.equal(keyName("Mod+Shift+Z"), "Ctrl + Shift + Z");
  assert.equal(keyName("Mod+Shift+Z", true), "⌘ ⇧ Z");
  assert.equal(keyName("+"), "+");
  assert.equal(keyName("Mod++"), "Ctrl + +");
  assert.equal(keyName("ArrowLeft"), "←");
});
