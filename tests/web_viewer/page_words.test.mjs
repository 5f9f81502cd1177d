import assert from "node:assert/strict";
import { test } from "node:test";

import { messageFor } from "../../web_viewer/messages.js";
import { isFirstStart } from "../../web_viewer/pages/first_start.js";
import { boundKeys } from "../../web_viewer/pages/help.js";
import { annotatedFrames } from "../../web_viewer/pages/history.js";
import { noPicture } from "../../web_viewer/pages/no_picture.js";
import { ACTIONS } from "../../web_viewer/shortcuts.js";

const session = (state, notices = []) => ({ server: { state }, notices, editor: "ann@example.org" });

test("help lists exactly what is bound", () => {
  const rows = (overrides) => boundKeys(overrides, false, 9).flatMap((group) => group.rows);
  const bound = ACTIONS.filter(({ keys }) => keys.length > 0);
  assert.deepEqual(rows({}).map(({ id }) => id).sort(), bound.map(({ id }) => id).sort());
  const changed = rows({ brush: ["Mod+Q"], eraser: [], loop: ["K"] });
  assert.deepEqual(changed.find(({ id }) => id === "brush").keys, ["Ctrl + Q"]);
  assert.ok(!changed.some(({ id }) => id === "eraser"));
  assert.ok(changed.some(({ id }) => id === "loop"));
  const few = boundKeys({}, false, 2).find(({ group }) => group === "Labels");
  assert.deepEqual(few.rows.map(({ id }) => id), ["label_1", "label_2"]);
});

test("an empty data set says why, and offers what helps", () => {
  const at = (state, notices) => noPicture({ series: null, page: "empty", session: session(state, notices) });
  const commands = (words) => words.actions.map(({ command }) => command);
  assert.deepEqual(commands(at("unset")), ["first_start"]);
  assert.deepEqual(commands(at("unauthorized")), ["settings"]);
  assert.deepEqual(commands(at("offline")), ["settings"]);
  assert.deepEqual(commands(at("ok", [{ code: "DATASET_MISSING", message: "" }])), ["settings", "look_again"]);
  assert.deepEqual(commands(at("ok")), ["look_again", "settings"]);
  const titles = ["unset", "connecting", "unauthorized", "offline", "ok"].map((state) => at(state).title);
  assert.equal(new Set(titles).size, titles.length);
  assert.ok(["unset", "connecting", "unauthorized", "offline", "ok"].every((state) => at(state).text !== messageFor("NO_SUCH_CODE").text));
  assert.ok(["unset", "connecting", "unauthorized", "offline", "ok"].every((state) => at(state).text.length > 20));
});

test("a series on its way shows its progress, a failed one its way out", () => {
  const series = { state: "downloading", exam_number: 7, series_number: 1, progress: { done: 3, total: 9 } };
  assert.deepEqual(noPicture({ series, session: session("ok"), page: null }).progress, { done: 3, total: 9 });
  const failed = { ...series, state: "error", error_code: "CLIP_UNREADABLE", action: null };
  const commands = (words) => words.actions.map(({ command }) => command);
  assert.deepEqual(commands(noPicture({ series: failed, session: session("ok"), page: null })), ["exams"]);
  assert.deepEqual(commands(noPicture({ series: { ...failed, error_code: "UNAUTHORIZED" }, session: session("unauthorized"), page: null })), ["settings", "exams"]);
  const again = { ...failed, action: "retry" };
  assert.deepEqual(commands(noPicture({ series: again, session: session("ok"), page: null })), ["open_again", "exams"]);
});

test("a version's frames are those that a person touched, in order, with all their masks", () => {
  const frames = [
    { frame_number: 4, is_annotation: true, label_id: "EMPTY", filename: null },
    { frame_number: 2, is_annotation: true, label_id: "A", filename: "frame_000003.webp" },
    { frame_number: 2, is_annotation: true, label_id: "B", filename: "frame_000003.B.webp" },
    { frame_number: 3, is_annotation: false, label_id: null, filename: "frame_000004.webp" },
  ];
  assert.deepEqual(annotatedFrames({ frames }, "EMPTY"), [
    { frame_number: 2, is_empty: false, masks: [{ label_id: "A", filename: "frame_000003.webp" }, { label_id: "B", filename: "frame_000003.B.webp" }] },
    { frame_number: 4, is_empty: true, masks: [] },
  ]);
});

test("the three steps come while there is no server or no name", () => {
  assert.ok(isFirstStart(session("unset")));
  assert.ok(isFirstStart({ ...session("ok"), editor: "" }));
  assert.ok(!isFirstStart(session("offline")));
});
