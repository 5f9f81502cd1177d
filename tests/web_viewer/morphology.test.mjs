import assert from "node:assert/strict";
import { test } from "node:test";

import { boundingBox, fillHoles, grow, shrink, smooth } from "../../web_viewer/morphology.js";

const parse = (text) => {
  const rows = text.trim().split("\n").map((row) => row.trim());
  return { mask: Uint8Array.from(rows.join(""), (sign) => (sign === "#" ? 1 : 0)), width: rows[0].length, height: rows.length };
};
const show = (mask, width) => {
  const rows = [];
  for (let at = 0; at < mask.length; at += width) rows.push(Array.from(mask.subarray(at, at + width), (v) => (v ? "#" : ".")).join(""));
  return rows.join("\n");
};
const check = (call, before, after) => {
  const { mask, width, height } = parse(before);
  const original = mask.slice();
  assert.equal(show(call(mask, width, height), width), show(parse(after).mask, width));
  assert.deepEqual(mask, original, "the mask handed in is left alone");
};

/** The same by definition: slow, and sharing no line with the code under test. */
function discByDefinition(mask, width, height, radius, value) {
  const result = mask.slice();
  const reach = Math.floor(radius);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (mask[y * width + x] !== value) continue;
      for (let dy = -reach; dy <= reach; dy += 1) {
        for (let dx = -reach; dx <= reach; dx += 1) {
          const inFrame = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
          if (inFrame && dx * dx + dy * dy <= radius * radius) result[(y + dy) * width + x + dx] = value;
        }
      }
    }
  }
  return result;
}

function randomBlobs(width, height, count, seed) {
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < count; i += 1) {
    const [x, y, w, h] = [random(width), random(height), 1 + random(12), 1 + random(9)];
    for (let row = y; row < Math.min(height, y + h); row += 1) mask.fill(1, row * width + x, row * width + Math.min(width, x + w));
  }
  return mask;
}

test("the bounding box is tight, and null for an empty mask", () => {
  const { mask, width } = parse("......\n...#..\n.#....\n......");
  assert.deepEqual(boundingBox(mask, width), [1, 1, 3, 2]);
  assert.equal(boundingBox(new Uint8Array(24), 6), null);
});

test("holes are filled, bays stay open, an island in a hole joins", () => {
  check(fillHoles, "#######\n#.....#\n#..#..#\n#.....#\n#######\n.......", "#######\n#######\n#######\n#######\n#######\n.......");
  check(fillHoles, ".####.\n.#..#.\n.#....\n.####.", ".####.\n.#..#.\n.#....\n.####.");
});

test("a diagonal line closes a hole", () => {
  check(fillHoles, "..#..\n.#.#.\n#...#\n.#.#.\n..#..", "..#..\n.###.\n#####\n.###.\n..#..");
});

test("a bay at the frame's edge is no hole", () => {
  check(fillHoles, "#.#\n#.#\n###", "#.#\n#.#\n###");
});

test("growing and shrinking follow the disc", () => {
  check((m, w, h) => grow(m, w, h, 2), ".......\n.......\n.......\n...#...\n.......\n.......\n.......", ".......\n...#...\n..###..\n.#####.\n..###..\n...#...\n.......");
  check((m, w, h) => shrink(m, w, h, 1), ".....\n.###.\n.###.\n.###.\n.....", ".....\n.....\n..#..\n.....\n.....");
});

test("a mask cut off by the picture's edge stays at the edge when it shrinks", () => {
  check((m, w, h) => shrink(m, w, h, 1), "###..\n###..\n###..\n.....", "##...\n##...\n.....\n.....");
});

test("growing and shrinking equal their definition on random masks", () => {
  for (const [seed, radius] of [[1, 1], [2, 2], [3, 3.5], [4, 7], [5, 20]]) {
    const [width, height] = [61, 47];
    const mask = randomBlobs(width, height, 12, seed);
    assert.equal(show(grow(mask, width, height, radius), width), show(discByDefinition(mask, width, height, radius, 1), width));
    assert.equal(show(shrink(mask, width, height, radius), width), show(discByDefinition(mask, width, height, radius, 0), width));
  }
});

test("smoothing removes spikes and cracks and keeps the body", () => {
  const width = 40;
  const height = 40;
  const body = new Uint8Array(width * height);
  for (let y = 10; y < 30; y += 1) body.fill(1, y * width + 10, y * width + 30);
  const rough = body.slice();
  for (let x = 30; x < 36; x += 1) rough[20 * width + x] = 1;
  for (let y = 10; y < 30; y += 1) rough[y * width + 18] = 0;
  const result = smooth(rough, width, height, 3);
  assert.equal(result[20 * width + 34], 0, "the spike is gone");
  assert.equal(result[20 * width + 18], 1, "the crack is closed");
  const changed = body.reduce((sum, value, i) => sum + (value !== result[i] ? 1 : 0), 0);
  assert.ok(changed <= 32, `only corners are rounded, but ${changed} pixels differ`);
  assert.deepEqual(smooth(result, width, height, 3), result, "smoothing twice changes nothing more");
});

test("empty and full masks, and a radius of nothing, stay as they are", () => {
  for (const call of [fillHoles, grow, shrink, smooth]) {
    assert.deepEqual(call(new Uint8Array(12), 4, 3, 2), new Uint8Array(12));
    assert.deepEqual(call(new Uint8Array(12).fill(1), 4, 3, 2), new Uint8Array(12).fill(1));
  }
  const { mask, width, height } = parse("..#.\n.##.\n....");
  assert.deepEqual(grow(mask, width, height, 0), mask);
  assert.deepEqual(shrink(mask, width, height, 0), mask);
});
