import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { nextFrame } from "../../web_viewer/next_frame.js";

const CASES = JSON.parse(readFileSync(new URL("../tracking/next_frame_cases.json", import.meta.url)));

const cell = (confidence) => ({ kind: confidence === null ? "annotation" : "tracked", confidence });
const clip = (confidences) => confidences.map(cell);

for (const { name, confidence, offered } of CASES) {
  test(`the same frame is offered as by the tracker: ${name}`, () => {
    assert.equal(nextFrame(clip(confidence), -1), offered);
  });
}

test("asking again on the offered frame moves on as if it were annotated; on any other frame nothing changes", () => {
  const frames = clip([null, ...new Array(19).fill(0.9), null]);
  frames[6] = cell(0);
  assert.equal(nextFrame(frames, 3), 6);
  assert.equal(nextFrame(frames, 6), 13);
});

test("verified empty frames and those of unknown confidence are not offered", () => {
  const frames = [cell(null), { kind: "none", confidence: null }, { kind: "empty", confidence: 0 }, { kind: "tracked" }];
  assert.equal(nextFrame(frames, 0), null);
  frames[1] = { kind: "none", confidence: 0.4 };
  assert.equal(nextFrame(frames, 0), 1, "a mask that the tracker lost");
});
