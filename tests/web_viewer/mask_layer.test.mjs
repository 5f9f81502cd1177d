import assert from "node:assert/strict";
import { test } from "node:test";

import { compose, layerColours } from "../../web_viewer/mask_layer.js";
import { seeded } from "./random.mjs";

const [WIDTH, HEIGHT] = [30, 20];
const [FILL, EDGE] = [0x11223344, 0x55667788];

function square() {
  const bytes = new Uint8Array(WIDTH * HEIGHT);
  for (let y = 5; y < 15; y++) bytes.fill(1, y * WIDTH + 8, y * WIDTH + 20);
  return bytes;
}

test("inside has the fill, the border the edge, outside nothing", () => {
  const out = new Uint32Array(WIDTH * HEIGHT);
  compose(out, WIDTH, HEIGHT, [0, 0, WIDTH, HEIGHT], [{ bytes: square(), fill: FILL, edge: EDGE }], 1);
  assert.equal(out[0], 0);
  assert.equal(out[5 * WIDTH + 8], EDGE);
  assert.equal(out[6 * WIDTH + 8], EDGE);
  assert.equal(out[6 * WIDTH + 9], FILL);
  assert.equal(out[14 * WIDTH + 19], EDGE);
});

test("colouring only the dirty box, widened by the edge, gives the same as colouring everything", () => {
  const random = seeded(9);
  for (let round = 0; round < 200; round++) {
    const thickness = 1 + random.below(3);
    const layers = [{ bytes: square(), fill: FILL, edge: EDGE }];
    const parts = new Uint32Array(WIDTH * HEIGHT);
    compose(parts, WIDTH, HEIGHT, [0, 0, WIDTH, HEIGHT], layers, thickness);
    const [x, y] = [random.below(WIDTH - 5), random.below(HEIGHT - 5)];
    for (let row = y; row < y + 4; row++) layers[0].bytes.fill(random.below(2), row * WIDTH + x, row * WIDTH + x + 5);
    compose(parts, WIDTH, HEIGHT, [x - thickness, y - thickness, 5 + 2 * thickness, 4 + 2 * thickness], layers, thickness);
    const whole = new Uint32Array(WIDTH * HEIGHT);
    compose(whole, WIDTH, HEIGHT, [0, 0, WIDTH, HEIGHT], layers, thickness);
    assert.deepEqual(parts, whole);
  }
});

test("a mask that the picture's border cuts has no edge there", () => {
  const out = new Uint32Array(WIDTH * HEIGHT);
  compose(out, WIDTH, HEIGHT, [0, 0, WIDTH, HEIGHT], [{ bytes: new Uint8Array(WIDTH * HEIGHT).fill(1), fill: FILL, edge: EDGE }], 2);
  assert.ok(out.every((pixel) => pixel === FILL));
});

test("colours become little-endian RGBA; outline only has no fill", () => {
  assert.equal(layerColours("#2ecc71", 0.5, false).fill, 0x8071cc2e);
  assert.equal(layerColours("#2ecc71", 0.5, true).fill, 0);
  assert.equal(layerColours("#2ecc71", 0.5, true).edge >>> 24, 255);
});
