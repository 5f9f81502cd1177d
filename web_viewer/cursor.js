/**
 * How does somebody paint with the keyboard alone? A cursor on the picture: arrows move it, Enter puts the tool down and lifts it.
 *
 * Arrows move by half a brush, with Shift by two, with Alt by one pixel. Escape lifts, and then puts the cursor away.
 */
import { clamp } from "./geometry.js";

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * How far one press moves, in pixels of the picture. Pure.
 * @param {number} radius of the brush @param {{shiftKey: boolean, altKey: boolean}} event @returns {number}
 */
export function stepOf(radius, { shiftKey, altKey }) {
  if (altKey) return 1;
  return Math.max(1, Math.round(shiftKey ? 2 * radius : radius / 2));
}

/** @param {{store: object, work: object, stage: object}} app */
export function createCursor({ store, work, stage }) {
  let isOn = false;
  let tool = null; // the tool that is down
  let x = 0;
  let y = 0;

  const point = () => ({ x, y, pressure: 0, isPen: false, isAlt: false, scale: stage.place.scale });
  const show = () => {
    stage.bringIntoSight(x, y);
    stage.ring.showCursor(isOn ? { x, y } : null, tool !== null);
  };
  const lift = () => {
    tool?.end(work);
    tool = null;
  };
  const press = () => {
    if (tool) return lift();
    if (!stage.tool || !store.get().canEdit) return undefined;
    tool = stage.tool;
    tool.start(work, point(), false);
    return undefined;
  };
  const toggle = () => {
    if (!work.manifest) return;
    lift();
    isOn = !isOn;
    if (isOn) ({ x, y } = stage.middle());
    show();
  };
  store.watch(
    () => {
      lift();
      if (!isOn || !work.manifest) return;
      x = clamp(x, 0, work.manifest.width); // the next clip may be smaller
      y = clamp(y, 0, work.manifest.height);
      show();
    },
    "frame",
    "tool",
    "hasClip",
  );

  return {
    toggle,
    /** @param {KeyboardEvent} event @returns {boolean} whether the key was for the cursor */
    onKey(event) {
      if (!isOn || !work.manifest || event.ctrlKey || event.metaKey) return false;
      const direction = DIRECTIONS[event.key];
      if (direction) {
        const step = stepOf(store.get().brushRadius, event);
        x = clamp(x + direction[0] * step, 0, work.manifest.width);
        y = clamp(y + direction[1] * step, 0, work.manifest.height);
        tool?.move(work, point());
      } else if (event.key === "Enter") press();
      else if (event.key === "Escape" && tool) lift();
      else if (event.key === "Escape") isOn = false;
      else return false;
      show();
      return true;
    },
  };
}
