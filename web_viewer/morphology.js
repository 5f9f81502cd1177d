/**
 * What does a mask look like when its holes are filled, or it is grown, shrunk or smoothed? Called by the tools of the
 * same names.
 *
 * Pure functions. A mask is a Uint8Array of 0 and 1, row-major, `width * height` long; radii are pixels of the clip.
 * Every function returns a new mask and works only inside the box round the mask, so that a small mask in a large frame
 * costs little.
 */

/**
 * The smallest box round all set pixels.
 * @param {Uint8Array} mask
 * @returns {import("./rle.js").Box | null} null for an empty mask
 */
export function boundingBox(mask, width) {
  let top = mask.indexOf(1);
  if (top < 0) return null;
  top = Math.floor(top / width);
  const bottom = Math.floor(mask.lastIndexOf(1) / width);
  let left = width;
  let right = -1;
  for (let y = top; y <= bottom; y += 1) {
    const row = mask.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    left = Math.min(left, first);
    right = Math.max(right, row.lastIndexOf(1));
  }
  return [left, top, right - left + 1, bottom - top + 1];
}

/**
 * Sets every background pixel from which no path of 4-neighbours leads out of the mask's box. A diagonal line closes.
 */
export function fillHoles(mask, width) {
  const filled = mask.slice();
  const box = boundingBox(mask, width);
  if (box === null) return filled;
  const [left, top, boxWidth, boxHeight] = box;
  const padded = boxWidth + 2; // a ring of background round the box joins all that is outside
  const outside = new Uint8Array(padded * (boxHeight + 2));
  for (let y = 0; y < boxHeight; y += 1) {
    const start = (top + y) * width + left;
    outside.set(mask.subarray(start, start + boxWidth), (y + 1) * padded + 1);
  }
  floodOutside(outside, padded, boxHeight + 2);
  for (let y = 0; y < boxHeight; y += 1) {
    const from = (y + 1) * padded + 1;
    const to = (top + y) * width + left;
    for (let x = 0; x < boxWidth; x += 1) if (outside[from + x] === 0) filled[to + x] = 1;
  }
  return filled;
}

/** Marks with 1 what can be reached from pixel 0 through zeros, a horizontal span at a time. */
function floodOutside(pixels, width, height) {
  const stack = [0];
  while (stack.length > 0) {
    const seed = stack.pop();
    if (pixels[seed] !== 0) continue;
    const rowStart = seed - (seed % width);
    const rowEnd = rowStart + width;
    let left = seed;
    let right = seed + 1;
    while (left > rowStart && pixels[left - 1] === 0) left -= 1;
    while (right < rowEnd && pixels[right] === 0) right += 1;
    pixels.fill(1, left, right);
    if (rowStart > 0) pushSpans(pixels, left - width, right - width, stack);
    if (rowEnd < width * height) pushSpans(pixels, left + width, right + width, stack);
  }
}

/** Pushes the first pixel of every run of zeros in [start, end). */
function pushSpans(pixels, start, end, stack) {
  for (let i = start; i < end; i += 1) {
    if (pixels[i] === 0 && (i === start || pixels[i - 1] !== 0)) stack.push(i);
  }
}

/** Sets every pixel whose centre is at most `radius` from the centre of a set one. */
export function grow(mask, width, height, radius) {
  const box = boundingBox(mask, width);
  if (box === null || radius < 1) return mask.slice();
  return spread(mask, width, height, radius, 1, widened(box, Math.floor(radius), width, height));
}

/**
 * Clears every pixel whose centre is at most `radius` from the centre of a clear one. What lies beyond the picture's
 * edge is not known and clears nothing: a mask cut off by the edge stays at the edge.
 */
export function shrink(mask, width, height, radius) {
  const box = boundingBox(mask, width);
  if (box === null || radius < 1) return mask.slice();
  return spread(mask, width, height, radius, 0, widened(box, 1, width, height));
}

/** Closes gaps and removes spikes narrower than about two radii: a closing, then an opening. */
export function smooth(mask, width, height, radius) {
  const closed = shrink(grow(mask, width, height, radius), width, height, radius);
  return grow(shrink(closed, width, height, radius), width, height, radius);
}

function widened([left, top, boxWidth, boxHeight], by, width, height) {
  const x = Math.max(0, left - by);
  const y = Math.max(0, top - by);
  return [x, y, Math.min(width, left + boxWidth + by) - x, Math.min(height, top + boxHeight + by) - y];
}

/**
 * Spreads the pixels of `value` inside `box` over a disc. Works on runs: a run of row y reaches, dy rows away, as far
 * again as the disc is wide there, so each run is two additions a row and one running sum per row draws the union.
 */
function spread(mask, width, height, radius, value, box) {
  const [left, top, boxWidth, boxHeight] = box;
  const stride = boxWidth + 1;
  const changes = new Int32Array(stride * boxHeight); // runs that begin (+1) or end (-1) at a pixel
  const reach = Math.floor(radius);
  const half = Array.from({ length: reach + 1 }, (_, dy) => Math.floor(Math.sqrt(radius * radius - dy * dy)));
  for (let y = 0; y < boxHeight; y += 1) {
    const start = (top + y) * width + left;
    const row = mask.subarray(start, start + boxWidth);
    for (let first = row.indexOf(value); first >= 0; ) {
      let end = row.indexOf(1 - value, first);
      if (end < 0) end = boxWidth;
      for (let dy = -reach; dy <= reach; dy += 1) {
        if (y + dy < 0 || y + dy >= boxHeight) continue;
        const wider = half[Math.abs(dy)];
        changes[(y + dy) * stride + Math.max(0, first - wider)] += 1;
        changes[(y + dy) * stride + Math.min(boxWidth, end + wider)] -= 1;
      }
      first = end < boxWidth ? row.indexOf(value, end) : -1;
    }
  }
  const result = mask.slice();
  for (let y = 0; y < boxHeight; y += 1) {
    const to = (top + y) * width + left;
    let covering = 0;
    for (let x = 0; x < boxWidth; x += 1) {
      covering += changes[y * stride + x];
      if (covering > 0) result[to + x] = value;
    }
  }
  return result;
}
