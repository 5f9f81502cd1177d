/** Where on the screen is a pixel of the picture? Pure: zoom, pan and fit as {scale, x, y} in CSS pixels. */

/** @typedef {{scale: number, x: number, y: number}} Place screen = picture * scale + (x, y) */

export const MIN_SCALE = 0.05;
export const MAX_SCALE = 40;

/**
 * The whole picture, centred, as large as the room allows.
 * @param {{width: number, height: number}} picture
 * @param {{left: number, top: number, width: number, height: number}} room free of panels, in CSS pixels
 * @returns {Place}
 */
export function fit(picture, room) {
  const scale = clamp(Math.min(room.width / picture.width, room.height / picture.height), MIN_SCALE, MAX_SCALE);
  return {
    scale,
    x: room.left + (room.width - picture.width * scale) / 2,
    y: room.top + (room.height - picture.height * scale) / 2,
  };
}

/**
 * Zooms so that the point of the picture under (x, y) stays under it.
 * @param {Place} place @param {number} factor @returns {Place}
 */
export function zoomAt(place, factor, x, y) {
  const scale = clamp(place.scale * factor, MIN_SCALE, MAX_SCALE);
  const ratio = scale / place.scale;
  return { scale, x: x - (x - place.x) * ratio, y: y - (y - place.y) * ratio };
}

/**
 * Keeps at least `margin` CSS pixels of the picture inside the room, so that nobody loses it.
 * @param {Place} place @returns {Place}
 */
export function keepInSight(place, picture, room, margin = 60) {
  const { scale } = place;
  const x = clamp(place.x, room.left + margin - picture.width * scale, room.left + room.width - margin);
  const y = clamp(place.y, room.top + margin - picture.height * scale, room.top + room.height - margin);
  return { scale, x, y };
}

/**
 * Two fingers: what was under each stays under it, as far as scale and shift can.
 * @param {Place} place where it was when the fingers landed
 * @param {number[]} from x0, y0, x1, y1 of the fingers then @param {number[]} to now
 * @returns {Place}
 */
export function pinch(place, from, to) {
  const distance = (p) => Math.hypot(p[2] - p[0], p[3] - p[1]) || 1;
  const zoomed = zoomAt(place, distance(to) / distance(from), (from[0] + from[2]) / 2, (from[1] + from[3]) / 2);
  return {
    scale: zoomed.scale,
    x: zoomed.x + (to[0] + to[2] - from[0] - from[2]) / 2,
    y: zoomed.y + (to[1] + to[3] - from[1] - from[3]) / 2,
  };
}

/** @returns {{x: number, y: number}} in pixels of the picture */
export function toPicture(place, x, y) {
  return { x: (x - place.x) / place.scale, y: (y - place.y) / place.scale };
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
