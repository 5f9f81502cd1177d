/** How is everything done here? Gestures, and the keys that are really bound, whatever was changed in the settings. */
import { openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { maskTypes } from "../labels.js";
import { ACTIONS, keyName, keysOf } from "../shortcuts.js";

const GESTURES = [
  ["Mouse", [
    ["Draw", "left button"],
    ["Close a polygon", "click its first corner, or Enter"],
    ["Move the picture", "middle button, or Space and drag"],
    ["Go through the frames", "wheel"],
    ["Zoom", "wheel with Ctrl, or pinch on a trackpad"],
    ["Brush size", "wheel with Shift or Alt"],
    ["Brightness", "drag with the right button"],
    ["Pick label and greys", "Ctrl and click"],
  ]],
  ["Pen", [
    ["Draw", "pen; press harder for a wider line"],
    ["Erase", "the other end, or the button on the barrel"],
    ["Move and zoom", "two fingers; one finger moves once a pen was used"],
  ]],
  ["Fingers", [
    ["Draw", "one finger"],
    ["Move and zoom", "two fingers"],
    ["Whole picture", "tap twice"],
    ["Pick label and greys", "hold still"],
  ]],
];

/**
 * Groups of bound actions, in the order of the table. Pure.
 * @param {Record<string, string[]>} overrides @param {boolean} isMac @param {number} labelCount how many label types have pixels
 * @returns {{group: string, rows: {id: string, name: string, keys: string[]}[]}[]} groups without a bound key are left out
 */
export function boundKeys(overrides, isMac, labelCount) {
  const keys = keysOf(overrides);
  const groups = [...new Set(ACTIONS.map(({ group }) => group))];
  const isThere = (id) => !id.startsWith("label_") || Number(id.slice(6)) <= labelCount;
  const rowsOf = (group) => ACTIONS.filter((action) => action.group === group && isThere(action.id) && keys.get(action.id).length > 0)
    .map(({ id, name }) => ({ id, name, keys: keys.get(id).map((key) => keyName(key, isMac)) }));
  return groups.map((group) => ({ group, rows: rowsOf(group) })).filter(({ rows }) => rows.length > 0);
}

/** @param {{store: object, isMac: boolean}} app @param {() => void} openSettings */
export function openHelp({ store, isMac }, openSettings) {
  const { settings, session } = store.get();
  const labels = maskTypes(session).length;
  const gestures = GESTURES.map(([title, rows]) => section(title, rows.map(([name, how]) => [name, [how]]), false));
  const keys = boundKeys(settings.shortcuts ?? {}, isMac, labels).map(({ group, rows }) =>
    section(group, rows.map((row) => [row.name, row.keys]), true));
  const dialog = openDialog("Help", [
    h("h3", {}, "By hand"), h("div.help-columns", {}, ...gestures),
    h("h3", {}, "By key"), h("div.help-columns", {}, ...keys),
    h("p.quiet", {}, session?.version ? `Goobusters ${session.version}` : "Goobusters"),
  ], { class: "wide help", actions: [{ value: "keys", label: "Change keys" }, { value: "", label: "Close", kind: "main" }] });
  dialog.closed.then((value) => value === "keys" && openSettings());
}

function section(title, rows, areKeys) {
  const line = ([name, ways]) => h("div.help-row", {}, h("dt", {}, name),
    h("dd", {}, ...ways.map((way) => (areKeys ? h("kbd", {}, way) : h("span", {}, way)))));
  return h("section", {}, h("h4", {}, title), h("dl", {}, ...rows.map(line)));
}
