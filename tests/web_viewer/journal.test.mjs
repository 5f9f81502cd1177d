import assert from "node:assert/strict";
import { test } from "node:test";

import { Journal, newId } from "../../web_viewer/journal.js";
import { Masks } from "../../web_viewer/masks.js";
import { seeded } from "./random.mjs";
import { LABELS, EMPTY, SHAPE, applyRandom, fakeServer, makeWork, snapshot } from "./work.mjs";

const [MAIN] = LABELS;

test("ids are version 4 UUIDs and differ", () => {
  assert.match(newId(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(newId(), newId());
});

test("a stroke on a tracked mask makes an annotation, undo brings the tracked one back", () => {
  const work = makeWork(fakeServer());
  work.editor.show(1);
  const before = work.masks.runs(1, MAIN);
  const plane = work.editor.begin(MAIN);
  plane.bytes[0] = 1;
  work.editor.touch(0, 0, 1, 1);
  assert.ok(work.editor.commit("brush"));
  assert.equal(work.masks.kind(1, MAIN), "annotation");
  assert.deepEqual(work.masks.unsavedFrames(), [1]);
  assert.equal(work.editor.undo(), 1);
  assert.equal(work.masks.kind(1, MAIN), "tracked");
  assert.deepEqual(work.masks.runs(1, MAIN), before);
  assert.deepEqual(work.masks.unsavedFrames(), []);
  work.editor.redo();
  assert.equal(work.masks.kind(1, MAIN), "annotation");
  assert.equal(plane.bytes[0], 1);
});

test("a stroke that changes nothing makes no op", () => {
  const work = makeWork(fakeServer());
  work.editor.show(3);
  work.editor.begin(MAIN);
  work.editor.touch(0, 0, 4, 4);
  assert.equal(work.editor.commit("brush"), false);
  assert.equal(work.ops.length, 0);
});

test("erasing the last pixel verifies the frame as empty, drawing on it takes that back", () => {
  const work = makeWork(fakeServer());
  work.editor.show(1);
  const plane = work.editor.begin(MAIN);
  plane.bytes.fill(0);
  work.editor.touch(0, 0, SHAPE.width, SHAPE.height);
  work.editor.commit("eraser");
  assert.equal(work.masks.kind(1, EMPTY), "empty");
  assert.equal(work.masks.kind(1, MAIN), "none");
  work.editor.begin(MAIN);
  plane.bytes[5] = 1;
  work.editor.touch(5, 0, 6, 1);
  work.editor.commit("brush");
  assert.equal(work.masks.kind(1, EMPTY), "none");
  assert.equal(work.masks.kind(1, MAIN), "annotation");
});

test("marking empty clears every label type and can be undone", () => {
  const work = makeWork(fakeServer());
  work.editor.show(0);
  const before = snapshot(work.masks);
  assert.ok(work.editor.clear("mark_empty", true));
  assert.equal(work.masks.frameKind(0), "empty");
  for (const label of LABELS) assert.equal(work.masks.area(0, label), 0);
  assert.equal(work.editor.clear("mark_empty", true), false);
  work.editor.undo();
  assert.deepEqual(snapshot(work.masks), before);
});

test("10,000 random actions: screen, model and a fresh replay agree, and undo leads back to the start", () => {
  const random = seeded(7);
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(0);
  const start = snapshot(work.masks);
  for (let step = 1; step <= 10_000; step++) {
    applyRandom(work, random);
    if (step % 500 !== 0) continue;
    assertScreen(work);
    const again = new Masks(SHAPE, server.frames);
    server.fill(again);
    new Journal(JSON.parse(JSON.stringify(work.journal.ops))).replay(again);
    assert.deepEqual(snapshot(again), snapshot(work.masks), `after ${step} actions`);
    assert.deepEqual(again.unsavedFrames(), work.masks.unsavedFrames());
  }
  while (work.editor.undo() !== null);
  assert.deepEqual(snapshot(work.masks), start);
  assert.deepEqual(work.masks.unsavedFrames(), []);
});

test("a replay whose base files come late ends the same", () => {
  const random = seeded(11);
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(0);
  for (let step = 0; step < 200; step++) applyRandom(work, random);
  const late = new Masks(SHAPE, server.frames);
  new Journal(work.journal.ops).replay(late);
  server.fill(late);
  assert.deepEqual(snapshot(late), snapshot(work.masks));
});

test("ops that break the rules of the stack change nothing", () => {
  const work = makeWork(fakeServer());
  work.editor.show(0);
  work.editor.clear("clear", false);
  const before = snapshot(work.masks);
  const ops = [...work.journal.ops, { id: "a", op: "undo", entry: "unknown" }, { id: "b", op: "redo", entry: work.journal.ops[0].id }];
  const again = new Masks(SHAPE, fakeServer().frames);
  fakeServer().fill(again);
  const journal = new Journal(ops);
  journal.replay(again);
  assert.deepEqual(snapshot(again), before);
  assert.equal(journal.canRedo, false);
});

test("accepted: what was sent is saved, what came after is not", () => {
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(0);
  work.editor.clear("clear", false);
  work.editor.show(1);
  work.editor.clear("mark_empty", true);
  const ops = [...work.journal.ops, { id: "a", op: "accepted", version_id: "v1", position: 1 }];
  const again = new Masks(SHAPE, server.frames);
  server.fill(again);
  new Journal(ops).replay(again);
  assert.deepEqual(again.unsavedFrames(), [1]);
});

test("rebase: new tracked masks arrive, what was drawn meanwhile stays, undo goes past it", () => {
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(1);
  paint(work, MAIN, 3);
  work.editor.show(2);
  paint(work, MAIN, 9);
  const drawn = work.masks.runs(2, MAIN);
  const annotated = work.masks.runs(1, MAIN);
  const keep = [{ frame_number: 2, label_id: MAIN, kind: "annotation", mask: drawn }];
  const ops = [...work.journal.ops, { id: "r", op: "rebase", version_id: "v1", position: 1, keep }];
  const retracked = fakeServer({ shift: 3, annotated: { 1: annotated } });
  const masks = new Masks(SHAPE, retracked.frames);
  retracked.fill(masks);
  const journal = new Journal(ops);
  journal.replay(masks);
  assert.deepEqual(masks.runs(2, MAIN), drawn);
  assert.deepEqual(masks.runs(3, MAIN), retracked.runs(3, MAIN));
  assert.deepEqual(masks.unsavedFrames(), [2]);
  journal.undo(masks);
  assert.equal(masks.kind(2, MAIN), "tracked");
  journal.undo(masks);
  assert.equal(masks.kind(1, MAIN), "tracked");
  assert.deepEqual(masks.runs(1, MAIN), server.runs(1, MAIN));
  assert.deepEqual(masks.unsavedFrames(), [1]);
  journal.redo(masks);
  journal.redo(masks);
  assert.deepEqual(masks.runs(2, MAIN), drawn);
});

test("redo after the tracked mask has changed brings back exactly what was drawn", () => {
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(2);
  paint(work, MAIN, 9);
  const drawn = work.masks.runs(2, MAIN);
  work.editor.undo();
  const ops = [...work.journal.ops, { id: "r", op: "rebase", version_id: "v1", position: 2, keep: [] }];
  const retracked = fakeServer({ shift: 3 });
  const masks = new Masks(SHAPE, retracked.frames);
  retracked.fill(masks);
  const journal = new Journal(ops);
  journal.replay(masks);
  assert.deepEqual(masks.runs(2, MAIN), retracked.runs(2, MAIN));
  journal.redo(masks);
  assert.deepEqual(masks.runs(2, MAIN), drawn);
});

test("ops before a rebase are on the undo stack but no longer in the pixels", () => {
  const work = makeWork(fakeServer());
  work.editor.show(1);
  paint(work, MAIN, 3);
  const theirs = fakeServer({ shift: 2 });
  const masks = new Masks(SHAPE, theirs.frames);
  theirs.fill(masks);
  const journal = new Journal([...work.journal.ops, { id: "r", op: "rebase", version_id: "v2", position: 1, keep: [] }]);
  journal.replay(masks);
  assert.deepEqual(masks.runs(1, MAIN), theirs.runs(1, MAIN));
  assert.equal(masks.kind(1, MAIN), "tracked");
  assert.ok(journal.canUndo);
});

test("a new edit drops what was undone", () => {
  const work = makeWork(fakeServer());
  work.editor.show(1);
  paint(work, MAIN, 3);
  work.editor.undo();
  assert.ok(work.journal.canRedo);
  paint(work, MAIN, 4);
  assert.ok(!work.journal.canRedo);
  assert.equal(work.editor.redo(), null);
});

test("undo takes the changes of an op back in reverse order", () => {
  const work = makeWork(fakeServer());
  const start = work.masks.runs(0, MAIN);
  const change = (before, after) => ({ frame_number: 0, label_id: MAIN, kind_before: "annotation", kind_after: "annotation", bbox: [0, 0, 2, 1], before, after });
  work.journal.edit(work.masks, "plugin", [change([2], [0, 1, 1]), change([0, 1, 1], [0, 2])]);
  work.journal.undo(work.masks);
  assert.deepEqual(work.masks.runs(0, MAIN), start);
});

test("where a frame has both, the annotation counts and not the tracked mask", () => {
  const tracked = { frame_number: 0, has_mask: true, is_annotation: false, label_id: null, tracks: MAIN, filename: "frame_000001.webp" };
  for (const frames of [[...fakeServer().frames, tracked], [tracked, ...fakeServer().frames]]) {
    assert.equal(new Masks(SHAPE, frames).kind(0, MAIN), "annotation");
  }
});

test("an op of another copy is absorbed once", () => {
  const server = fakeServer();
  const work = makeWork(server);
  work.editor.show(1);
  paint(work, MAIN, 3);
  const masks = new Masks(SHAPE, server.frames);
  server.fill(masks);
  const journal = new Journal();
  for (const op of [...work.journal.ops, ...work.journal.ops]) journal.absorb(masks, op);
  assert.equal(journal.ops.length, 1);
  assert.deepEqual(snapshot(masks), snapshot(work.masks));
});

function paint(work, label, at) {
  const plane = work.editor.begin(label);
  plane.bytes[at] = 1 - plane.bytes[at];
  work.editor.touch(0, 0, SHAPE.width, SHAPE.height);
  work.editor.commit("brush");
}

function assertScreen({ editor, masks }) {
  for (const [label, { bytes }] of editor.planes) {
    const runs = masks.runs(editor.frame, label);
    let at = 0;
    runs.forEach((run, index) => {
      for (let end = at + run; at < end; at++) assert.equal(bytes[at], index % 2);
    });
  }
}

test("areas are those of the model before until the new pixels have come", () => {
  const before = makeWork(fakeServer());
  const after = new Masks(SHAPE, fakeServer({ shift: 1 }).frames);
  assert.equal(after.area(3, LABELS[0]), null);
  after.follow(before.masks, false);
  assert.equal(after.runs(3, LABELS[0]), null);
  assert.equal(after.area(3, LABELS[0]), before.masks.area(3, LABELS[0]));
  fakeServer({ shift: 3 }).fill(after);
  assert.notEqual(after.area(3, LABELS[0]), before.masks.area(3, LABELS[0]));
});

test("a model over the same base needs no pixels again, but of the files that are new", () => {
  const server = fakeServer();
  const before = makeWork({ ...server, frames: server.frames.filter(({ frame_number: frame }) => frame !== 4) });
  const after = new Masks(SHAPE, server.frames);
  after.follow(before.masks, true);
  assert.deepEqual(after.runs(3, LABELS[0]), server.runs(3, LABELS[0]));
  assert.ok(after.missingFile(4, LABELS[0]));
});
