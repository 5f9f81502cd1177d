import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_SCALE, MIN_SCALE, fit, keepInSight, pinch, toPicture, zoomAt } from "../../web_viewer/geometry.js";
import { seeded } from "./random.mjs";

const picture = { width: 640, height: 480 };
const room = { left: 10, top: 20, width: 1200, height: 600 };
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test("fit shows the whole picture in the middle of the room", () => {
  const place = fit(picture, room);
  near(place.scale, 1.25);
  near(place.y, 20);
  near(place.x + (640 * place.scale) / 2, 610);
});

test("zooming keeps the point under the pointer, at every zoom", () => {
  const random = seeded(5);
  let place = fit(picture, room);
  for (let step = 0; step < 2000; step++) {
    const [x, y] = [random() * 1200, random() * 600];
    const before = toPicture(place, x, y);
    place = zoomAt(place, Math.exp(random() * 2 - 1), x, y);
    const after = toPicture(place, x, y);
    assert.ok(place.scale >= MIN_SCALE && place.scale <= MAX_SCALE);
    assert.ok(Math.abs(before.x - after.x) < 1e-3 && Math.abs(before.y - after.y) < 1e-3);
    place = keepInSight(place, picture, room);
  }
});

test("two fingers keep what lies under them", () => {
  const place = { scale: 2, x: 30, y: 40 };
  const [from, to] = [[100, 100, 300, 100], [150, 180, 450, 180]];
  const after = pinch(place, from, to);
  near(after.scale, 3);
  for (const finger of [0, 2]) {
    const before = toPicture(place, from[finger], from[finger + 1]);
    const now = toPicture(after, to[finger], to[finger + 1]);
    near(before.x, now.x);
    near(before.y, now.y);
  }
});

test("nobody loses the picture", () => {
  const lost = keepInSight({ scale: 1, x: 99_999, y: -99_999 }, picture, room);
  assert.ok(lost.x <= room.left + room.width - 60);
  assert.ok(lost.y + 480 >= room.top + 60);
});
