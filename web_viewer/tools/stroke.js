/**
 * Which pixels does a stroke cover? Pure; used by brush, eraser and threshold brush.
 *
 * Points are in pixels of the picture, (0, 0) being the top left corner of the first pixel, so that pixel (x, y) has
 * its centre at (x + 0.5, y + 0.5). A pixel is painted when its centre lies within the radius.
 */

/**
 * A box that grows with what was changed. `reset` empties it; nothing is allocated afterwards.
 */
export class Dirty {
  constructor() {
    this.reset();
  }

  reset() {
    this.left = this.top = Infinity;
    this.right = this.bottom = -Infinity;
  }

  get isEmpty() {
    return this.right < this.left;
  }

  /** Right and bottom are exclusive. */
  add(left, top, right, bottom) {
    if (left < this.left) this.left = left;
    if (top < this.top) this.top = top;
    if (right > this.right) this.right = right;
    if (bottom > this.bottom) this.bottom = bottom;
  }

  /** @returns {import("../rle.js").Box} */
  box() {
    return [this.left, this.top, this.right - this.left, this.bottom - this.top];
  }
}

/**
 * Sets the pixels of a capsule: the hull of a disc at each end, radii may differ (pen pressure).
 * @param {{bytes: Uint8Array, width: number, height: number}} mask bytes of 0 or 1, changed in place
 * @param {number} value 1 paints, 0 erases
 * @param {Dirty} dirty grows by what may have changed
 * @param {{grey: Uint8Array, low: number, high: number} | null} limit paints only where the grey value is in range
 */
export function paintCapsule(mask, x0, y0, r0, x1, y1, r1, value, dirty, limit = null) {
  const left = Math.max(0, Math.floor(Math.min(x0 - r0, x1 - r1)));
  const top = Math.max(0, Math.floor(Math.min(y0 - r0, y1 - r1)));
  const right = Math.min(mask.width, Math.ceil(Math.max(x0 + r0, x1 + r1)) + 1);
  const bottom = Math.min(mask.height, Math.ceil(Math.max(y0 + r0, y1 + r1)) + 1);
  if (left >= right || top >= bottom) return;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const dr = r1 - r0;
  const perLength = dx * dx + dy * dy > 0 ? 1 / (dx * dx + dy * dy) : 0;
  for (let y = top; y < bottom; y++) {
    const py = y + 0.5 - y0;
    const row = y * mask.width;
    for (let x = left; x < right; x++) {
      const px = x + 0.5 - x0;
      let along = (px * dx + py * dy) * perLength;
      along = along < 0 ? 0 : along > 1 ? 1 : along;
      const ex = px - along * dx;
      const ey = py - along * dy;
      const radius = r0 + along * dr;
      if (ex * ex + ey * ey > radius * radius) continue;
      if (limit !== null && (limit.grey[row + x] < limit.low || limit.grey[row + x] > limit.high)) continue;
      mask.bytes[row + x] = value;
    }
  }
  dirty.add(left, top, right, bottom);
}

/**
 * Radius of the brush under a pen. Mice and fingers report 0 or 0.5 and always get the whole radius.
 * @param {number} radius @param {number} pressure 0..1 @param {boolean} isPen
 * @returns {number}
 */
export function pressedRadius(radius, pressure, isPen) {
  return isPen && pressure > 0 ? Math.max(0.5, radius * (0.3 + 0.7 * Math.min(1, pressure))) : radius;
}
