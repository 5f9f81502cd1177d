import assert from "node:assert/strict";
import { test } from "node:test";

import { area, decodeInto, differenceBox, encode, sameRuns } from "../../web_viewer/rle.js";
import { seeded } from "./random.mjs";

test("runs count from zeros, row-major over the box", () => {
  const bytes = Uint8Array.from([0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1]);
  assert.deepEqual(encode(bytes, 4, [0, 0, 4, 3]), [1, 2, 1, 1, 3, 4]);
  assert.deepEqual(encode(bytes, 4, [1, 0, 2, 2]), [0, 2, 2]);
  assert.deepEqual(encode(bytes, 4, [0, 2, 4, 1]), [0, 4]);
  assert.deepEqual(encode(new Uint8Array(6), 3, [0, 0, 3, 2]), [6]);
});

test("decode brings back what encode wrote, inside the box and nowhere else", () => {
  const random = seeded(1);
  for (let round = 0; round < 300; round++) {
    const [width, height] = [1 + random.below(20), 1 + random.below(20)];
    const share = random();
    const bytes = Uint8Array.from({ length: width * height }, () => (random() < share ? 1 : 0));
    const x = random.below(width);
    const y = random.below(height);
    const box = round % 3 === 0 ? [0, 0, width, height] : [x, y, 1 + random.below(width - x), 1 + random.below(height - y)];
    const runs = encode(bytes, width, box);
    assert.equal(runs.reduce((sum, run) => sum + run, 0), box[2] * box[3]);
    const other = bytes.map((value) => 1 - value);
    const back = other.slice();
    decodeInto(runs, back, width, box);
    for (let at = 0; at < bytes.length; at++) {
      const [column, row] = [at % width, Math.floor(at / width)];
      const isInside = column >= box[0] && column < box[0] + box[2] && row >= box[1] && row < box[1] + box[3];
      assert.equal(back[at], isInside ? bytes[at] : other[at]);
    }
  }
});

test("runs that do not fill their box are refused", () => {
  assert.throws(() => decodeInto([3, 2], new Uint8Array(6), 3, [0, 0, 3, 2]), RangeError);
  assert.throws(() => decodeInto([3, 4], new Uint8Array(6), 3, [0, 0, 3, 2]), RangeError);
});

test("area counts the set pixels and sameRuns compares", () => {
  assert.equal(area([2, 3, 1, 4]), 7);
  assert.equal(area([9]), 0);
  assert.ok(sameRuns([1, 2], [1, 2]));
  assert.ok(!sameRuns([1, 2], [1, 3]));
  assert.ok(!sameRuns([1, 2], [1, 2, 3]));
});

test("the difference box is the smallest", () => {
  const a = new Uint8Array(30);
  const b = a.slice();
  assert.equal(differenceBox(a, b, 6, [0, 0, 6, 5]), null);
  b[1 * 6 + 2] = 1;
  b[3 * 6 + 4] = 1;
  assert.deepEqual(differenceBox(a, b, 6, [0, 0, 6, 5]), [2, 1, 3, 3]);
  assert.deepEqual(differenceBox(a, b, 6, [0, 2, 6, 3]), [4, 3, 1, 1]);
});
