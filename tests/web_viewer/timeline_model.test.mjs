import assert from "node:assert/strict";
import { test } from "node:test";

import { maskTypes } from "../../web_viewer/labels.js";
import { Masks } from "../../web_viewer/masks.js";
import { cellsOf, columnsOf, frameAt, nextAnnotation, nextUnsaved, positionOf } from "../../web_viewer/timeline_model.js";
import { LABELS, SHAPE, fakeServer, makeWork } from "./work.mjs";

const tracked = (confidence = 0.9, area = 100) => ({ kind: "tracked", confidence, area, is_unsaved: false });
const clip = (count, special = {}) => Array.from({ length: count }, (_, i) => ({ ...tracked(), ...special[i] }));

test("400 frames on 320 px share columns that are wide enough, cover every frame once and fill the width", () => {
  const columns = columnsOf(clip(400), 320);
  assert.ok(columns.every((column) => column.width >= 3));
  assert.deepEqual(columns.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i)), [...Array(400).keys()]);
  assert.equal(columns[0].x, 0);
  const end = columns.at(-1);
  assert.ok(Math.abs(end.x + end.width - 320) < 1e-9);
});

test("one annotation, one empty frame and one unsaved mark among 400 always show", () => {
  for (let at = 0; at < 400; at += 1) {
    const [annotated] = columnsOf(clip(400, { [at]: { kind: "annotation", confidence: null } }), 320).filter((c) => c.has_annotation);
    assert.ok(annotated.first <= at && at <= annotated.last);
    assert.equal(annotated.kind, "annotation");
    const [unsaved] = columnsOf(clip(400, { [at]: { kind: "empty", is_unsaved: true } }), 320).filter((c) => c.is_unsaved);
    assert.ok(unsaved.has_empty && unsaved.first <= at && at <= unsaved.last);
  }
});

test("a column shows its lowest confidence and largest area, and neither when unknown", () => {
  const frames = [tracked(0.9, 10), tracked(0.2, 30), { kind: "none", confidence: null, area: null, is_unsaved: false }];
  const [column] = columnsOf(frames, 3);
  assert.equal(column.confidence, 0.2);
  assert.equal(column.area, 30);
  assert.equal(column.kind, "tracked");
  const [unknown] = columnsOf(frames.slice(2), 3);
  assert.deepEqual([unknown.confidence, unknown.area, unknown.kind], [null, null, "none"]);
});

test("few frames get a column each", () => {
  const columns = columnsOf(clip(10), 320);
  assert.equal(columns.length, 10);
  assert.ok(columns.every(({ first, last }, i) => first === i && last === i));
  assert.deepEqual(columnsOf([], 320), []);
  assert.equal(columnsOf(clip(10), 0).length, 1);
});

test("a frame's playhead is where a pointer finds the frame again", () => {
  for (const count of [1, 7, 400]) {
    for (let i = 0; i < count; i += 1) assert.equal(frameAt(positionOf(i, 320, count), 320, count), i);
  }
  assert.equal(frameAt(-5, 320, 400), 0);
  assert.equal(frameAt(320, 320, 400), 399);
});

test("jumps to annotations stop at the ends", () => {
  const frames = clip(20, { 3: { kind: "annotation" }, 9: { kind: "empty" } });
  assert.equal(nextAnnotation(frames, 0, 1), 3);
  assert.equal(nextAnnotation(frames, 3, 1), 9);
  assert.equal(nextAnnotation(frames, 9, 1), null);
  assert.equal(nextAnnotation(frames, 9, -1), 3);
  assert.equal(nextAnnotation(frames, 3, -1), null);
});

test("the next unsaved frame goes round, and is never the same one", () => {
  const frames = clip(20, { 3: { is_unsaved: true }, 9: { is_unsaved: true } });
  assert.equal(nextUnsaved(frames, 0), 3);
  assert.equal(nextUnsaved(frames, 3), 9);
  assert.equal(nextUnsaved(frames, 9), 3);
  assert.equal(nextUnsaved(clip(20, { 3: { is_unsaved: true } }), 3), null);
});

test("cells are of the whole frame, area and certainty of the chosen label", () => {
  const { masks } = makeWork(fakeServer());
  const cells = cellsOf(masks, LABELS[0], [2], SHAPE.frameCount);
  assert.deepEqual(cells.map(({ kind }) => kind), ["annotation", ...new Array(4).fill("tracked"), "empty", "tracked", "tracked"]);
  assert.deepEqual(cells.map(({ is_unsaved: isUnsaved }) => isUnsaved).indexOf(true), 2);
  assert.equal(cells[0].confidence, null);
  assert.equal(cells[3].confidence, 0.5);
  assert.ok(cells[3].area > 0);
  const others = cellsOf(masks, LABELS[1], [], SHAPE.frameCount);
  assert.ok(others[0].area > 0);
  assert.equal(others[3].area, 0);
  assert.deepEqual(cellsOf(null, LABELS[0], [], 2).map(({ kind }) => kind), ["none", "none"]);
});

test("a frame on which the tracker lost the mask has its certainty, one that nobody tracked has none", () => {
  const masks = new Masks({ width: 4, height: 3, frameCount: 2, labels: ["L_a"], emptyId: "L_e" }, [
    { frame_number: 1, has_mask: false, is_annotation: false, label_id: null, tracks: "L_a", filename: null, confidence: 0.3 },
  ]);
  const cells = cellsOf(masks, "L_a", [], 2);
  assert.deepEqual(cells.map(({ kind, confidence }) => [kind, confidence]), [["none", null], ["none", 0.3]]);
});

test("the main label type is the first number, whatever order they come in", () => {
  const type = (label, kind = "mask") => ({ label_id: label, kind });
  const session = { label_id: "L_b", label_types: [type("L_a"), type("L_e", "empty"), type("L_b"), type("L_c")] };
  assert.deepEqual(maskTypes(session).map((each) => each.label_id), ["L_b", "L_a", "L_c"]);
  assert.deepEqual(maskTypes(null), []);
});
