import assert from "node:assert/strict";
import { test } from "node:test";

import { Dirty, paintCapsule, pressedRadius } from "../../web_viewer/tools/stroke.js";
import { seeded } from "./random.mjs";

const blank = (width, height) => ({ bytes: new Uint8Array(width * height), width, height });
const sum = (mask) => mask.bytes.reduce((total, value) => total + value, 0);

test("a dab is every pixel whose centre lies within the radius", () => {
  const mask = blank(40, 30);
  paintCapsule(mask, 20.3, 14.8, 7.5, 20.3, 14.8, 7.5, 1, new Dirty());
  for (let y = 0; y < 30; y++) {
    for (let x = 0; x < 40; x++) {
      const isInside = Math.hypot(x + 0.5 - 20.3, y + 0.5 - 14.8) <= 7.5;
      assert.equal(mask.bytes[y * 40 + x], isInside ? 1 : 0, `${x},${y}`);
    }
  }
});

test("a stroke has no gaps however far apart its points are", () => {
  const [whole, parts] = [blank(200, 100), blank(200, 100)];
  paintCapsule(whole, 10, 10, 4, 190, 90, 4, 1, new Dirty());
  for (let step = 0; step < 100; step++) {
    const at = (t) => [10 + 180 * t, 10 + 80 * t];
    const [x0, y0] = at(step / 100);
    const [x1, y1] = at((step + 1) / 100);
    paintCapsule(parts, x0, y0, 4, x1, y1, 4, 1, new Dirty());
  }
  assert.deepEqual(parts.bytes, whole.bytes);
});

test("the dirty box holds every change and lies inside the frame", () => {
  const random = seeded(3);
  for (let round = 0; round < 500; round++) {
    const mask = blank(50, 40);
    const dirty = new Dirty();
    const point = () => [random() * 90 - 20, random() * 80 - 20, random() * 12];
    paintCapsule(mask, ...point(), ...point(), 1, dirty);
    if (dirty.isEmpty) {
      assert.equal(sum(mask), 0);
      continue;
    }
    const [left, top, width, height] = dirty.box();
    assert.ok(left >= 0 && top >= 0 && left + width <= 50 && top + height <= 40);
    mask.bytes.forEach((value, at) => {
      const [x, y] = [at % 50, Math.floor(at / 50)];
      if (value === 1) assert.ok(x >= left && x < left + width && y >= top && y < top + height);
    });
  }
});

test("erasing what was painted leaves nothing", () => {
  const mask = blank(60, 60);
  paintCapsule(mask, 10, 12, 6, 44, 41, 3, 1, new Dirty());
  assert.ok(sum(mask) > 300);
  paintCapsule(mask, 10, 12, 6, 44, 41, 3, 0, new Dirty());
  assert.equal(sum(mask), 0);
});

test("a grey range limits what is painted", () => {
  const mask = blank(20, 20);
  const grey = Uint8Array.from({ length: 400 }, (_, at) => at % 20 * 10);
  paintCapsule(mask, 10, 10, 30, 10, 10, 30, 1, new Dirty(), { grey, low: 50, high: 80 });
  assert.equal(sum(mask), 4 * 20);
  assert.equal(mask.bytes[5], 1);
  assert.equal(mask.bytes[9], 0);
});

test("only a pen's pressure changes the radius", () => {
  assert.equal(pressedRadius(10, 0.5, false), 10);
  assert.equal(pressedRadius(10, 0, true), 10);
  assert.equal(pressedRadius(10, 1, true), 10);
  assert.ok(pressedRadius(10, 0.2, true) < pressedRadius(10, 0.6, true));
});
