/**
 * The brush and the eraser: a stroke is a chain of capsules between the points that the pointer reported.
 * With Alt held, or with the pen's other end, the brush erases.
 */
import { Dirty, paintCapsule, pressedRadius } from "./stroke.js";

/**
 * @param {"brush" | "eraser"} id @param {0 | 1} value what it writes
 * @returns {import("./index.js").Tool}
 */
function strokeTool(id, value) {
  const segment = new Dirty();
  let mask = null;
  let written = value;
  let limit = null;
  let x = 0;
  let y = 0;
  let radius = 0;

  const paintTo = (work, point, isFirst) => {
    const r = pressedRadius(work.brushRadius(), point.pressure, point.isPen);
    segment.reset();
    if (isFirst) paintCapsule(mask, point.x, point.y, r, point.x, point.y, r, written, segment, limit);
    else paintCapsule(mask, x, y, radius, point.x, point.y, r, written, segment, limit);
    x = point.x;
    y = point.y;
    radius = r;
    if (!segment.isEmpty) work.editor.touch(segment.left, segment.top, segment.right, segment.bottom);
  };

  return {
    id,
    hasRing: true,
    start(work, point, isErasing) {
      mask = work.beginEdit();
      if (!mask) return;
      written = isErasing || point.isAlt ? 0 : value;
      limit = written === 1 ? work.greyLimit() : null;
      paintTo(work, point, true);
    },
    move(work, point) {
      // Undo or another frame in the middle of a stroke ends it; what the hand still does belongs to nothing.
      if (mask && work.editor.isDrawing) paintTo(work, point, false);
      else mask = null;
    },
    end(work) {
      if (mask) work.editor.commit(written === 0 ? "eraser" : "brush");
      mask = null;
    },
    cancel(work) {
      if (mask) work.editor.cancel();
      mask = null;
    },
  };
}

export const brush = strokeTool("brush", 1);
export const eraser = strokeTool("eraser", 0);
