/**
 * Which pixels lie inside a closed outline? Called by the polygon and lasso tools.
 *
 * Pure. Points are in clip coordinates: pixel (x, y) covers x..x+1 and y..y+1. The rule: a pixel belongs to the shape
 * when its centre (x + ½, y + ½) is inside; a centre exactly on a left or top edge is inside, on a right or bottom edge
 * outside, so that two shapes that share an edge share no pixel. An outline that crosses itself has no hole where its
 * parts overlap (non-zero winding), which is what a hand-drawn lasso means.
 */

/**
 * @param {number[][]} points `[[x, y], …]`, closed from the last to the first; may leave the frame
 * @param {number} width of the frame, px
 * @param {number} height of the frame, px
 * @returns {{box: import("./rle.js").Box, mask: Uint8Array} | null} the box lies inside the frame; the mask has
 *   0 or 1 for each of its pixels, row-major; null when no pixel is inside
 */
export function rasterise(points, width, height) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const left = Math.max(0, Math.ceil(Math.min(...xs) - 0.5));
  const top = Math.max(0, Math.ceil(Math.min(...ys) - 0.5));
  const right = Math.min(width, Math.ceil(Math.max(...xs) - 0.5));
  const bottom = Math.min(height, Math.ceil(Math.max(...ys) - 0.5));
  if (!(points.length >= 3 && right > left && bottom > top)) return null;
  const boxWidth = right - left;
  const mask = new Uint8Array(boxWidth * (bottom - top));
  const crossings = rowCrossings(points, top, bottom);
  let isEmpty = true;
  crossings.forEach((row, y) => {
    row.sort((a, b) => a.x - b.x);
    let winding = 0;
    row.forEach((crossing, i) => {
      winding += crossing.direction;
      if (winding === 0 || i + 1 === row.length) return;
      const from = clamp(Math.ceil(crossing.x - 0.5) - left, boxWidth);
      const to = clamp(Math.ceil(row[i + 1].x - 0.5) - left, boxWidth);
      if (to <= from) return;
      mask.fill(1, y * boxWidth + from, y * boxWidth + to);
      isEmpty = false;
    });
  });
  return isEmpty ? null : { box: [left, top, boxWidth, bottom - top], mask };
}

function clamp(value, max) {
  return Math.min(max, Math.max(0, value));
}

/** For each row of pixel centres from top to bottom: where the outline crosses it, and whether downwards (+1) or up. */
function rowCrossings(points, top, bottom) {
  const rows = Array.from({ length: bottom - top }, () => []);
  points.forEach(([x1, y1], i) => {
    const [x2, y2] = points[(i + 1) % points.length];
    if (y1 === y2) return;
    const first = Math.max(top, Math.ceil(Math.min(y1, y2) - 0.5));
    const end = Math.min(bottom, Math.ceil(Math.max(y1, y2) - 0.5));
    const slope = (x2 - x1) / (y2 - y1);
    for (let y = first; y < end; y += 1) {
      rows[y - top].push({ x: x1 + (y + 0.5 - y1) * slope, direction: y2 > y1 ? 1 : -1 });
    }
  });
  return rows;
}
