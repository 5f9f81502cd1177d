/**
 * How are mask pixels written as run lengths, and back? Used by journal, masks and tests; pure.
 *
 * A mask is a Uint8Array of width*height values 0 or 1, row-major. Runs count pixels in turn from a run of zeros
 * (maybe 0 long), row-major over a box. The box of a whole frame is [0, 0, width, height].
 */

/** @typedef {[number, number, number, number]} Box x, y, width, height in pixels of the picture */

/**
 * Run lengths of the pixels inside a box.
 * @param {Uint8Array} bytes mask of the whole frame, values 0 or 1
 * @param {number} stride width of the frame
 * @param {Box} box
 * @returns {number[]}
 */
export function encode(bytes, stride, [x, y, width, height]) {
  const runs = [];
  const isWide = width === stride;
  const rows = isWide ? 1 : height;
  const length = isWide ? width * height : width;
  let value = 0;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    let at = (y + row) * stride + x;
    const end = at + length;
    while (at < end) {
      const next = isWide ? nextOf(bytes, 1 - value, at, end) : scan(bytes, value, at, end);
      count += next - at;
      if (next < end) {
        runs.push(count);
        count = 0;
        value = 1 - value;
      }
      at = next;
    }
  }
  runs.push(count);
  return runs;
}

function nextOf(bytes, value, at, end) {
  const found = bytes.indexOf(value, at);
  return found < 0 || found > end ? end : found;
}

function scan(bytes, value, at, end) {
  while (at < end && bytes[at] === value) at++;
  return at;
}

/**
 * Writes runs into the pixels inside a box. Throws RangeError when the runs do not fill the box exactly.
 * @param {ArrayLike<number>} runs
 * @param {Uint8Array} bytes mask of the whole frame, changed in place
 * @param {number} stride width of the frame
 * @param {Box} box
 */
export function decodeInto(runs, bytes, stride, [x, y, width, height]) {
  let value = 0;
  let column = 0;
  let row = 0;
  for (let index = 0; index < runs.length; index++) {
    let left = runs[index];
    while (left > 0) {
      if (row >= height) throw new RangeError("runs are longer than their box");
      const step = Math.min(left, width - column);
      const at = (y + row) * stride + x + column;
      bytes.fill(value, at, at + step);
      left -= step;
      column += step;
      if (column === width) {
        column = 0;
        row++;
      }
    }
    value = 1 - value;
  }
  if (row !== height || column !== 0) throw new RangeError("runs are shorter than their box");
}

/** How many pixels are set. @param {ArrayLike<number>} runs @returns {number} */
export function area(runs) {
  let sum = 0;
  for (let index = 1; index < runs.length; index += 2) sum += runs[index];
  return sum;
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @returns {boolean} */
export function sameRuns(a, b) {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/**
 * The smallest box that holds every pixel in which two masks differ, or null when they are equal.
 * `within` bounds the search: nothing outside of it may differ.
 * @param {Uint8Array} a @param {Uint8Array} b @param {number} stride @param {Box} within
 * @returns {Box | null}
 */
export function differenceBox(a, b, stride, [x, y, width, height]) {
  let left = x + width;
  let right = x - 1;
  let top = -1;
  let bottom = -1;
  for (let row = y; row < y + height; row++) {
    const start = row * stride;
    let first = x;
    while (first < x + width && a[start + first] === b[start + first]) first++;
    if (first === x + width) continue;
    let last = x + width - 1;
    while (a[start + last] === b[start + last]) last--;
    if (top < 0) top = row;
    bottom = row;
    if (first < left) left = first;
    if (last > right) right = last;
  }
  return top < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}
