/** Which colour has each pixel of the mask layer? Pure: bytes in, RGBA out; canvas.js puts the result on the screen. */

/** @typedef {{bytes: Uint8Array, fill: number, edge: number}} Layer fill and edge as 0xAABBGGRR */

/**
 * Colours the pixels of a box. Later layers lie on top. Nothing is allocated.
 * @param {Uint32Array} out width*height pixels, little-endian RGBA, changed inside the box only
 * @param {number} width @param {number} height
 * @param {import("./rle.js").Box} box
 * @param {Layer[]} layers
 * @param {number} thickness of the outline in pixels of the picture
 */
export function compose(out, width, height, [x, y, w, h], layers, thickness) {
  const left = Math.max(0, x);
  const right = Math.min(width, x + w);
  const bottom = Math.min(height, y + h);
  for (let row = Math.max(0, y); row < bottom; row++) out.fill(0, row * width + left, row * width + right);
  for (const layer of layers) {
    for (let row = Math.max(0, y); row < bottom; row++) {
      paintRow(out, width, height, row, left, right, layer, thickness);
    }
  }
}

function paintRow(out, width, height, row, left, right, { bytes, fill, edge }, thickness) {
  const start = row * width;
  const isNearTop = row < thickness;
  const isNearBottom = row >= height - thickness;
  const up = thickness * width;
  for (let column = left; column < right; column++) {
    const at = start + column;
    if (bytes[at] === 0) continue;
    const isInside =
      (column < thickness || bytes[at - thickness] === 1) &&
      (column >= width - thickness || bytes[at + thickness] === 1) &&
      (isNearTop || bytes[at - up] === 1) &&
      (isNearBottom || bytes[at + up] === 1);
    out[at] = isInside ? fill : edge;
  }
}

/**
 * The two colours of a mask.
 * @param {string} colour "#rrggbb"
 * @param {number} opacity 0..1 @param {boolean} isOutlineOnly
 * @returns {{fill: number, edge: number}}
 */
export function layerColours(colour, opacity, isOutlineOnly) {
  const rgb = Number.parseInt(colour.slice(1), 16);
  const bgr = ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16);
  const pack = (alpha) => ((Math.round(255 * alpha) << 24) | bgr) >>> 0;
  return { fill: isOutlineOnly ? 0 : pack(opacity), edge: pack(isOutlineOnly ? 1 : Math.max(0.95, opacity)) };
}
