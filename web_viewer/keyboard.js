/** Which key press starts which command? The table is shortcuts.js; here is only when keys count. */
import { actionFor, bindingsOf } from "./shortcuts.js";
import { polygon } from "./tools/outline.js";

const IN_FIELD = "input:not([type=range]), textarea, select, [contenteditable]";

/** @param {{store: object, work: object, stage: object, cursor: object, commands: Record<string, () => void>}} app */
export function createKeyboard({ store, work, stage, cursor, commands }) {
  let bindings = new Map();
  store.watch(({ settings }) => (bindings = bindingsOf(settings.shortcuts ?? {})), "settings");

  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const id = actionFor(event, bindings);
    if (id === "save" && (event.ctrlKey || event.metaKey)) event.preventDefault(); // or the browser would save the page
    if (event.target.matches?.(IN_FIELD)) return;
    if (document.querySelector("dialog[open], .menu")) return;
    if (isForControl(event)) return;
    if (cursor.onKey(event)) return event.preventDefault();
    if (event.key === "Escape") return dropSketch(work);
    if (event.key === "Enter" && polygon.isOpen) return polygon.finish(work);
    if (!id || !commands[id]) return undefined;
    event.preventDefault();
    if (event.key === " " && id === "play") return spaceDown(event, stage);
    if (!event.repeat || REPEATS.has(id)) commands[id]();
    return undefined;
  });
  window.addEventListener("keyup", (event) => {
    if (event.key !== " " || !stage.isSpaceDown) return;
    stage.isSpaceDown = false;
    stage.element.classList.remove("is-panning");
    if (!stage.hasSpacePanned) commands.play();
  });
  window.addEventListener("blur", () => {
    stage.isSpaceDown = false;
    stage.element.classList.remove("is-panning");
  });
}

const REPEATS = new Set([
  "undo",
  "redo",
  "previous",
  "next",
  "back_ten",
  "forward_ten",
  "smaller",
  "larger",
  "zoom_in",
  "zoom_out",
  "grow",
  "shrink",
]);

/** Space and Enter press the button that has the focus; arrows move a slider. */
function isForControl(event) {
  const { target } = event;
  if (target.matches?.("button, a, summary")) return event.key === " " || event.key === "Enter";
  return target.matches?.("input[type=range]") && /^(Arrow|Home|End|Page)/.test(event.key);
}

/** Space alone plays; held down it turns every drag into a pan. */
function spaceDown(event, stage) {
  if (event.repeat) return;
  stage.isSpaceDown = true;
  stage.hasSpacePanned = false;
  stage.element.classList.add("is-panning");
}

function dropSketch(work) {
  if (polygon.isOpen) polygon.drop(work);
  else if (work.editor?.isDrawing) work.editor.cancel();
}
