/**
 * Which grey values may the threshold-limited brush paint on? Called by the brush while its grey range is on.
 *
 * Pure. `grey` is one byte a pixel of the whole frame, row-major. The clip's own values decide, whatever window and
 * level are shown.
 */

/**
 * Grey values of a picture, rounded luminance (Rec. 601), as the person sees it in a colour clip.
 * @param {Uint8ClampedArray|Uint8Array} rgba 4 bytes a pixel
 * @returns {Uint8Array} one byte a pixel
 */
export function greyOf(rgba) {
  const grey = new Uint8Array(rgba.length / 4);
  for (let i = 0, from = 0; i < grey.length; i += 1, from += 4) {
    grey[i] = (rgba[from] * 299 + rgba[from + 1] * 587 + rgba[from + 2] * 114 + 500) / 1000;
  }
  return grey;
}

/**
 * The range to start from where a stroke begins: what is found round the pointer, give or take `tolerance`.
 * @param {number} x pointer in clip coordinates, as y
 * @param {number} radius of the sampled square, px
 * @returns {{low: number, high: number}} 0..255; the full range when the square lies outside the frame
 */
export function rangeAround(grey, width, height, x, y, radius, tolerance) {
  const values = [];
  const column = Math.floor(x);
  const row = Math.floor(y);
  for (let j = Math.max(0, row - radius); j <= Math.min(height - 1, row + radius); j += 1) {
    for (let i = Math.max(0, column - radius); i <= Math.min(width - 1, column + radius); i += 1) {
      values.push(grey[j * width + i]);
    }
  }
  if (values.length === 0) return { low: 0, high: 255 };
  values.sort((a, b) => a - b);
  const median = values[values.length >> 1]; // speckle has outliers; a mean would follow them
  return { low: Math.max(0, median - tolerance), high: Math.min(255, median + tolerance) };
}

const ENOUGH = 50; // pixels; fewer say little about what is being marked

/**
 * The range that most of a mask lies in: its values without the darkest and brightest twentieth.
 * @param {Uint8Array} grey of the whole frame
 * @param {Uint8Array} mask 0 or 1 a pixel
 * @returns {{low: number, high: number} | null} 0..255; null when the mask is too small to tell
 */
export function rangeInside(grey, mask) {
  const counts = new Uint32Array(256);
  let total = 0;
  for (let at = mask.indexOf(1); at >= 0 && at < mask.length; at++) {
    if (mask[at] === 0) continue;
    counts[grey[at]]++;
    total++;
  }
  if (total < ENOUGH) return null;
  const edge = total / 20;
  let low = 0;
  let high = 255;
  for (let below = counts[0]; below <= edge && low < 255; below += counts[low]) low++;
  for (let above = counts[255]; above <= edge && high > 0; above += counts[high]) high--;
  return { low, high: Math.max(low, high) };
}
