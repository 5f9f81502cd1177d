import assert from "node:assert/strict";
import { test } from "node:test";

import { rasterise } from "../../web_viewer/polygon.js";

const frame = (shape, width, height) => {
  const full = new Uint8Array(width * height);
  if (shape) {
    const [left, top, w, h] = shape.box;
    for (let y = 0; y < h; y += 1) full.set(shape.mask.subarray(y * w, (y + 1) * w), (top + y) * width + left);
  }
  return full;
};
const total = (mask) => mask.reduce((sum, value) => sum + value, 0);

test("a square covers the pixels whose centres it holds", () => {
  const shape = rasterise([[1, 1], [4, 1], [4, 3], [1, 3]], 10, 10);
  assert.deepEqual(shape.box, [1, 1, 3, 2]);
  assert.deepEqual([...shape.mask], [1, 1, 1, 1, 1, 1]);
});

test("centres on the left and top edge are in, on the right and bottom edge out", () => {
  const shape = rasterise([[1.5, 1.5], [3.5, 1.5], [3.5, 3.5], [1.5, 3.5]], 10, 10);
  assert.deepEqual(shape.box, [1, 1, 2, 2]);
  assert.equal(total(shape.mask), 4);
});

test("two shapes that share an edge share no pixel and leave no gap", () => {
  const [width, height] = [30, 20];
  const cut = [[7.3, 0], [21.9, 20]];
  const left = frame(rasterise([[0, 0], ...cut, [0, 20]], width, height), width, height);
  const right = frame(rasterise([cut[0], [30, 0], [30, 20], cut[1]], width, height), width, height);
  assert.ok(left.every((value, i) => value + right[i] === 1));
});

test("every pixel agrees with a winding count round its centre", () => {
  const [width, height] = [40, 40];
  const star = Array.from({ length: 5 }, (_, i) => {
    const angle = ((i * 2) / 5) * 2 * Math.PI + 0.1;
    return [20 + 17.3 * Math.cos(angle), 20 + 17.3 * Math.sin(angle)];
  });
  const painted = frame(rasterise(star, width, height), width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let turn = 0;
      star.forEach((from, i) => {
        const to = star[(i + 1) % star.length];
        const start = Math.atan2(from[1] - y - 0.5, from[0] - x - 0.5);
        let step = Math.atan2(to[1] - y - 0.5, to[0] - x - 0.5) - start;
        if (step > Math.PI) step -= 2 * Math.PI;
        if (step < -Math.PI) step += 2 * Math.PI;
        turn += step;
      });
      assert.equal(painted[y * width + x], Math.abs(turn) > 1 ? 1 : 0, `pixel ${x}, ${y}`);
    }
  }
  assert.equal(painted[20 * width + 20], 1, "the middle of a star that crosses itself is no hole");
});

test("the direction in which an outline runs does not matter", () => {
  const points = [[2.2, 3.1], [17.8, 5.4], [11.3, 18.9], [4.4, 12.2]];
  assert.deepEqual(rasterise(points, 20, 20), rasterise([...points].reverse(), 20, 20));
});

test("an outline that leaves the frame is cut at its edge", () => {
  const shape = rasterise([[-50, -50], [50, -50], [50, 50], [-50, 50]], 8, 6);
  assert.deepEqual(shape.box, [0, 0, 8, 6]);
  assert.equal(total(shape.mask), 48);
  const corner = rasterise([[-10, 3], [3, -10], [3, 3]], 8, 6);
  assert.equal(total(frame(corner, 8, 6)), 9);
});

test("nothing inside gives null", () => {
  assert.equal(rasterise([], 10, 10), null);
  assert.equal(rasterise([[1, 1], [5, 5]], 10, 10), null);
  assert.equal(rasterise([[1, 1], [5, 5], [1, 1]], 10, 10), null);
  assert.equal(rasterise([[1.6, 1.6], [2.4, 1.6], [2, 2.4]], 10, 10), null);
  assert.equal(rasterise([[20, 20], [30, 20], [30, 30]], 10, 10), null);
});
