import assert from "node:assert/strict";
import { test } from "node:test";

import { followingFrame, wantedFrames } from "../../web_viewer/frames.js";
import { Pace, frameDuration } from "../../web_viewer/player.js";

test("frames near the playhead are decoded first, most of them ahead, none twice", () => {
  assert.deepEqual(wantedFrames(10, {}, 30, 7), [10, 11, 12, 9, 13, 14, 8]);
  assert.deepEqual(wantedFrames(0, { direction: -1 }, 30, 4), [0, 1, 2, 3]);
  assert.deepEqual(wantedFrames(2, {}, 3, 9).sort(), [0, 1, 2]);
  for (let playhead = 0; playhead < 40; playhead++) {
    const wanted = wantedFrames(playhead, {}, 40, 9);
    assert.equal(new Set(wanted).size, 9, `at ${playhead}`);
    assert.ok(wanted.every((frame) => frame >= 0 && frame < 40));
  }
});

test("while the clip plays, what comes is decoded: in large steps, and past the end of a loop", () => {
  const loop = { isPlaying: true, isLooping: true };
  assert.deepEqual(wantedFrames(26, { ...loop, step: 1 }, 30, 6), [26, 27, 28, 29, 0, 1]);
  assert.deepEqual(wantedFrames(26, { ...loop, step: 3 }, 31, 4), [26, 29, 1, 4]);
  assert.deepEqual(wantedFrames(26, { isPlaying: true, step: 3 }, 31, 6), [26, 29, 30]);
  assert.deepEqual(wantedFrames(1, { ...loop, step: 2 }, 4, 9), [1, 3]);
});

test("without a loop the last frame is never left out, and nothing follows it", () => {
  assert.equal(followingFrame(4, 3, 10, false), 7);
  assert.equal(followingFrame(7, 3, 10, false), 9);
  assert.equal(followingFrame(9, 3, 10, false), null);
});

test("a frame stays as long as the clip says, 40 ms when it does not", () => {
  assert.equal(frameDuration([0, 20, 70], 0), 20);
  assert.equal(frameDuration([0, 20, 70], 1), 50);
  assert.equal(frameDuration([0, 20, 70], 2), 50);
  assert.equal(frameDuration(null, 5), 40);
  assert.equal(frameDuration([0, 0, 0], 1), 40);
});

/** Plays `seconds` on a machine that needs `cost` ms a picture. @returns {{shown: number, passed: number, step: number}} */
function play(cost, frameMs, seconds) {
  const pace = new Pace();
  let [now, dueAt, shown, passed] = [0, 0, 0, 0];
  while (now < seconds * 1000) {
    const { step } = pace;
    now = Math.max(now + cost, dueAt + step * frameMs);
    const lateness = now - dueAt - step * frameMs;
    pace.note(lateness, frameMs);
    dueAt = lateness > 2 * frameMs ? now : dueAt + step * frameMs;
    shown++;
    passed += step;
  }
  return { shown, passed, step: pace.step };
}

test("a fast machine shows every frame", () => {
  assert.deepEqual(play(10, 33, 10), { shown: 304, passed: 304, step: 1 });
});

test("one picture that comes late leaves nothing out", () => {
  const pace = new Pace();
  for (const lateness of [0, 5, 90, 0, 3, 70, 0]) pace.note(lateness, 33);
  assert.equal(pace.step, 1);
});

test("a slow machine leaves frames out and keeps the speed", () => {
  const { shown, passed, step } = play(80, 33, 20);
  assert.equal(step, 3);
  assert.ok(Math.abs(passed - 20_000 / 33) < 30, `${passed} frames went by`);
  assert.ok(shown > 190);
});

test("when pictures come faster again, fewer are left out", () => {
  const pace = new Pace();
  for (let late = 0; late < 4; late++) pace.note(200, 33);
  assert.equal(pace.step, 3);
  for (let step = 0; step < 300; step++) pace.note(0, 33);
  assert.equal(pace.step, 1);
});
