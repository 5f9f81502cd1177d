import assert from "node:assert/strict";
import { test } from "node:test";

import { greyOf, rangeAround, rangeInside } from "../../web_viewer/threshold.js";

test("grey is the luminance, and grey pixels keep their value", () => {
  const rgba = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255];
  assert.deepEqual([...greyOf(Uint8ClampedArray.from(rgba))], [76, 150, 29, 255]);
  const ramp = Uint8Array.from({ length: 256 * 4 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
  assert.deepEqual([...greyOf(ramp)], Array.from({ length: 256 }, (_, i) => i));
});

test("the range follows the median under the pointer, not an outlier", () => {
  const grey = new Uint8Array(100).fill(40);
  grey[55] = 255;
  assert.deepEqual(rangeAround(grey, 10, 10, 5.5, 5.5, 1, 12), { low: 28, high: 52 });
});

test("the range is held in 0..255 and inside the frame", () => {
  const grey = new Uint8Array(100).fill(250);
  assert.deepEqual(rangeAround(grey, 10, 10, 0, 0, 3, 12), { low: 238, high: 255 });
  assert.deepEqual(rangeAround(grey, 10, 10, -50, 0, 3, 12), { low: 0, high: 255 });
});

test("the range inside a mask leaves out the few darkest and brightest values", () => {
  const grey = Uint8Array.from({ length: 1000 }, (_, at) => (at < 20 ? 3 : at >= 980 ? 250 : 60 + (at % 40)));
  assert.deepEqual(rangeInside(grey, new Uint8Array(1000).fill(1)), { low: 61, high: 98 });
  assert.equal(rangeInside(grey, new Uint8Array(1000)), null);
  assert.equal(rangeInside(grey, new Uint8Array(1000).fill(1, 0, 49)), null);
  assert.deepEqual(rangeInside(grey.map(() => 77), new Uint8Array(1000).fill(1)), { low: 77, high: 77 });
  assert.deepEqual(rangeInside(grey, new Uint8Array(1000).fill(1, 100, 200)), { low: 62, high: 98 });
});
