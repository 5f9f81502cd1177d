import assert from "node:assert/strict";
import { test } from "node:test";

import { createCommands } from "../../web_viewer/commands.js";
import { INITIAL, createStore } from "../../web_viewer/store.js";
import { ACTIONS } from "../../web_viewer/tools/actions.js";
import { brush, eraser } from "../../web_viewer/tools/brush.js";
import { lasso, polygon } from "../../web_viewer/tools/outline.js";
import { area } from "../../web_viewer/rle.js";
import { Workspace } from "../../web_viewer/workspace.js";
import { EMPTY, LABELS, SHAPE, fakeServer, makeWork, snapshot } from "./work.mjs";

const [MAIN] = LABELS;

/** The work as tools see it, without a page. */
function makeTools() {
  const work = makeWork(fakeServer());
  let sketch = null;
  return {
    ...work,
    sketchNow: () => sketch,
    label: () => MAIN,
    brushRadius: () => 2,
    greyLimit: () => null,
    beginEdit: () => work.editor.begin(MAIN),
    sketch: (value) => (sketch = value),
    withMasks: (_frames, action) => action(),
  };
}
const point = (x, y, more = {}) => ({ x, y, pressure: 0, isPen: false, isAlt: false, scale: 1, ...more });
const set = (work, frame) => area(work.masks.runs(frame, MAIN));

test("the brush adds, the eraser, Alt and the pen's other end take away", () => {
  const work = makeTools();
  work.editor.show(1);
  const before = set(work, 1);
  brush.start(work, point(20, 3), false);
  brush.move(work, point(20, 6));
  brush.end(work);
  const painted = set(work, 1);
  assert.ok(painted > before);
  for (const [tool, more, isErasing] of [[eraser, {}, false], [brush, { isAlt: true }, false], [brush, {}, true]]) {
    tool.start(work, point(20, 3, more), isErasing);
    tool.move(work, point(20, 6, more));
    tool.end(work);
    assert.equal(set(work, 1), before);
    work.editor.undo();
  }
});

test("a cancelled stroke leaves nothing, neither pixels nor an op", () => {
  const work = makeTools();
  work.editor.show(1);
  const before = snapshot(work.masks);
  brush.start(work, point(20, 3), false);
  brush.cancel(work);
  assert.deepEqual(snapshot(work.masks), before);
  assert.equal(work.ops.length, 0);
  assert.equal(work.editor.planes.get(MAIN).bytes[3 * SHAPE.width + 20], 0);
});

test("another frame or undo in the middle of a stroke ends it: nothing is painted without an op", () => {
  for (const interrupt of [(work) => work.editor.show(2), (work) => work.editor.undo()]) {
    const work = makeTools();
    work.editor.show(1);
    brush.start(work, point(20, 3), false);
    interrupt(work);
    brush.move(work, point(3, 15));
    brush.end(work);
    const { bytes } = work.editor.planes.get(MAIN);
    assert.equal(bytes[15 * SHAPE.width + 3], 0);
    assert.equal(bytes.reduce((sum, value) => sum + value, 0), set(work, work.editor.frame));
  }
});

test("the lasso fills what it goes round", () => {
  const work = makeTools();
  work.editor.show(5);
  lasso.start(work, point(2, 2), false);
  for (const [x, y] of [[10, 2], [10, 8], [2, 8]]) lasso.move(work, point(x, y));
  assert.ok(work.sketchNow());
  lasso.end(work);
  assert.equal(work.sketchNow(), null);
  assert.equal(set(work, 5), 48);
  assert.equal(work.masks.kind(5, EMPTY), "none");
});

test("a polygon closes at its first corner, and Escape drops it", () => {
  const work = makeTools();
  work.editor.show(5);
  for (const [x, y] of [[2, 2], [22, 2], [22, 16]]) polygon.start(work, point(x, y, { scale: 4 }), false);
  assert.ok(polygon.isOpen);
  polygon.start(work, point(2.5, 2.5, { scale: 4 }), false);
  assert.ok(!polygon.isOpen);
  assert.ok(set(work, 5) > 100);
  polygon.start(work, point(2, 2), false);
  polygon.drop(work);
  assert.ok(!polygon.isOpen);
  assert.equal(work.ops.length, 1);
});

test("copying takes the nearest frame with a mask and makes an annotation", () => {
  const work = makeTools();
  work.editor.show(5);
  ACTIONS.copy_previous(work);
  assert.deepEqual(work.masks.runs(5, MAIN), work.masks.runs(4, MAIN));
  assert.equal(work.masks.kind(5, MAIN), "annotation");
  work.editor.show(0);
  assert.equal(ACTIONS.copy_previous(work), false);
});

test("resetting frame and series goes back to what the server has, and can be undone", () => {
  const work = makeTools();
  const start = snapshot(work.masks);
  for (const frame of [1, 2, 3]) {
    work.editor.show(frame);
    work.editor.clear("clear", false);
  }
  const changed = snapshot(work.masks);
  ACTIONS.reset_frame(work);
  assert.deepEqual(work.masks.unsavedFrames(), []);
  assert.equal(work.masks.kind(3, MAIN), "tracked");
  ACTIONS.reset_series(work);
  assert.deepEqual(work.ops.at(-1).changes.map((change) => change.frame_number), [1, 2, 3]);
  assert.deepEqual(snapshot(work.masks), start);
  work.editor.undo();
  work.editor.undo();
  assert.deepEqual(snapshot(work.masks), changed);
});

test("clearing takes a person's word back; on a tracked frame it says that there is nothing", () => {
  const work = makeTools();
  for (const [frame, expected] of [[0, "none"], [5, "none"], [1, "empty"]]) {
    work.editor.show(frame);
    ACTIONS.clear(work);
    assert.equal(work.masks.frameKind(frame), expected);
  }
});

test("grow, shrink, smooth and fill holes change the chosen label of the shown frame alone", () => {
  for (const action of ["grow", "shrink"]) {
    const work = makeTools();
    work.editor.show(0);
    const before = snapshot(work.masks);
    ACTIONS[action](work);
    const after = snapshot(work.masks);
    const changed = Object.keys(after).filter((key) => String(after[key]) !== String(before[key]));
    assert.deepEqual(changed, [`0 ${MAIN}`]);
  }
});

test("a polygon is not lost: not with two corners, not while nothing can be drawn; undo takes its last corner", () => {
  const work = makeTools();
  work.editor.show(5);
  const commands = createCommands({ store: createStore(INITIAL), work: { ...work, step: () => assert.fail("an edit was undone") }, pages: {} });
  for (const [x, y] of [[2, 2], [22, 2]]) polygon.start(work, point(x, y), false);
  polygon.finish(work);
  assert.equal(work.sketchNow().points.length, 4);
  polygon.start(work, point(22, 16), false);
  polygon.finish({ ...work, beginEdit: () => null });
  assert.equal(work.sketchNow().points.length, 6);
  commands.undo();
  assert.deepEqual(work.sketchNow().points, [2, 2, 22, 2]);
  polygon.start(work, point(22, 16), false);
  polygon.finish(work);
  assert.ok(!polygon.isOpen);
  assert.equal(work.ops.length, 1);
});

test("an outline beside the picture changes nothing, one over its edge is cut off there", () => {
  const work = makeTools();
  work.editor.show(5);
  const before = snapshot(work.masks);
  for (const [x, y] of [[-30, -30], [-10, -30], [-10, -10]]) polygon.start(work, point(x, y), false);
  polygon.finish(work);
  assert.ok(!polygon.isOpen && !work.editor.isDrawing);
  assert.deepEqual(snapshot(work.masks), before);
  lasso.start(work, point(-50, -50), false);
  for (const [x, y] of [[500, -50], [500, 500], [-50, 500]]) lasso.move(work, point(x, y));
  lasso.end(work);
  assert.equal(set(work, 5), SHAPE.width * SHAPE.height);
});

test("what needs masks that cannot be had is not done with empty ones", async () => {
  const work = makeWork(fakeServer());
  const unknown = { masks: { labels: LABELS, missingFile: (frame) => (frame === 4 ? "frame_000005.webp" : null) }, loader: { ensure: async () => {} } };
  const done = [];
  await Workspace.prototype.withMasks.call(unknown, [4], () => done.push(4));
  Workspace.prototype.withMasks.call({ ...unknown, masks: work.masks }, [3], () => done.push(3));
  assert.deepEqual(done, [3]);
});
