/**
 * Polygon (a click a corner; click the first corner, double-click or Enter closes) and lasso (one stroke round it).
 * With Alt, or the pen's eraser, the inside is erased instead of painted. An open polygon stays when another frame is
 * shown or the picture is moved; another drawing tool or another exam drops it.
 */
import { rasterise } from "../polygon.js";

const CLOSE_DISTANCE = 12; // CSS px round the first corner

/** @returns {boolean} false when nothing can be drawn at the moment */
function fill(work, points, isErasing, tool) {
  const corners = [];
  for (let index = 0; index < points.length; index += 2) corners.push([points[index], points[index + 1]]);
  const mask = work.beginEdit();
  if (!mask) return false;
  const shape = rasterise(corners, mask.width, mask.height);
  if (!shape) {
    work.editor.cancel();
    return true;
  }
  const [left, top, width, height] = shape.box;
  const limit = isErasing ? null : work.greyLimit();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (top + y) * mask.width + left + x;
      if (shape.mask[y * width + x] === 0) continue;
      if (limit && (limit.grey[at] < limit.low || limit.grey[at] > limit.high)) continue;
      mask.bytes[at] = isErasing ? 0 : 1;
    }
  }
  work.editor.touch(left, top, left + width, top + height);
  work.editor.commit(tool);
  return true;
}

function createLasso() {
  let points = [];
  let isErasing = false;
  const drop = (work) => {
    points = [];
    work.sketch(null);
  };
  return {
    id: "lasso",
    start(work, point, erases) {
      points = [point.x, point.y];
      isErasing = erases || point.isAlt;
    },
    move(work, point) {
      points.push(point.x, point.y);
      work.sketch({ points, isClosed: true, isLasso: true });
    },
    end(work) {
      if (points.length >= 6) fill(work, points, isErasing, "lasso");
      drop(work);
    },
    cancel: drop,
  };
}

function createPolygon() {
  let points = [];
  let isErasing = false;
  const show = (work) => work.sketch(points.length > 0 ? { points, isClosed: false } : null);
  const finish = (work) => {
    if (points.length < 6 || !fill(work, points, isErasing, "polygon")) return;
    points = [];
    show(work);
  };
  return {
    id: "polygon",
    start(work, point, erases) {
      const isNear = (index) =>
        Math.hypot(point.x - points[index], point.y - points[index + 1]) * point.scale < CLOSE_DISTANCE;
      if (points.length >= 6 && (isNear(0) || isNear(points.length - 2))) return finish(work);
      if (points.length === 0) isErasing = erases || point.isAlt;
      points.push(point.x, point.y);
      return show(work);
    },
    move(work, point) {
      if (points.length < 2) return;
      points[points.length - 2] = point.x;
      points[points.length - 1] = point.y;
      show(work);
    },
    end() {},
    /** Takes the last corner back. */
    cancel(work) {
      points = points.slice(0, -2);
      show(work);
    },
    /** Enter closes the outline, Escape drops it. */
    finish,
    drop(work) {
      points = [];
      show(work);
    },
    get isOpen() {
      return points.length > 0;
    },
  };
}

export const lasso = createLasso();
export const polygon = createPolygon();
