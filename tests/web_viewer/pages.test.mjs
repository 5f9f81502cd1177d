import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { stepOf } from "../../web_viewer/cursor.js";
import { MESSAGES, SAVES, STATES, ago, framesText, mergedText, messageFor, noticesOf, othersHere, seriesName } from "../../web_viewer/messages.js";
import { matching } from "../../web_viewer/pages/chooser.js";
import { paintDifference } from "../../web_viewer/pages/conflict.js";
import { createStore } from "../../web_viewer/store.js";

test("every state of a series and of a save has words, and no words show a code", () => {
  const states = ["not_downloaded", "downloading", "downloaded", "extracting", "extracted", "pending", "tracking", "ready", "edited", "saved", "error"];
  assert.deepEqual(Object.keys(STATES).sort(), states.sort());
  assert.deepEqual(Object.keys(SAVES).sort(), ["saving", "waiting", "retracking", "conflict", "offline", "failed"].sort());
  for (const { text } of [...Object.values(MESSAGES), ...Object.values(STATES), ...Object.values(SAVES)]) {
    assert.ok(text.length > 0);
    assert.doesNotMatch(text, /[A-Z]{2,}_|UID|HTTP|\b409\b|JSON/);
  }
});

test("every code that the core reports has words of its own", () => {
  const sources = readdirSync("workstation", { recursive: true })
    .filter((name) => name.endsWith(".py") && !/^(qt|ipad|demo)/.test(name))
    .map((name) => readFileSync(`workstation/${name}`, "utf-8"));
  const pattern = /(?:CoreError|super\(\).__init__|notice|_refused)\(\s*"([A-Z_]{4,})"/g;
  const codes = new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map((match) => match[1])));
  assert.ok(codes.size > 20, "the pattern finds the codes");
  assert.deepEqual([...codes].filter((code) => !(code in MESSAGES)), []);
});

test("whatever is left out of a data set has words of its own", () => {
  const files = ["tracking/contracts/dataset.py", "tracking/contracts/mdai_sync.py", "server/dataset_sync.py", "server/track_job.py"];
  const pattern = /(?:Problem|DatasetError)\(\s*"([A-Z_]{4,})"/g;
  const codes = files.flatMap((name) => [...readFileSync(name, "utf-8").matchAll(pattern)].map((match) => match[1]));
  assert.ok(codes.length > 10, "the pattern finds the codes");
  const cannotBe = ["SIZE_INVALID"]; // a clip that was opened has a size
  assert.deepEqual(codes.filter((code) => !(code in MESSAGES) && !cannotBe.includes(code)), []);
});

test("of the server's problems a person hears which annotations were left out", () => {
  assert.deepEqual([...noticesOf(null)], []);
  const problems = [{ code: "ANNOTATION_OUTSIDE" }, { code: "ANNOTATION_OUTSIDE" }, { code: "MDAI_TOKEN_REFUSED" }];
  const session = { notices: [{ code: "CLIP_LEFT_OUT" }], server: { state: "ok", status: { problems } } };
  assert.deepEqual([...noticesOf(session)], ["CLIP_LEFT_OUT", "ANNOTATION_OUTSIDE"]);
});

test("what was joined with a colleague's save is told frame by frame", () => {
  assert.equal(framesText([4, 1, 5, 6, 11]), "frames 2, 5–7, 12");
  assert.equal(framesText([0]), "frame 1");
  const text = mergedText({ editor: "maria@example.org", mine_frames: [2], theirs_frames: [4, 5] });
  assert.match(text, /From maria@example.org: frames 5–6\. From you: frame 3\./);
});

test("the signs are those of the specification", () => {
  assert.equal(messageFor("TRACK_PENDING").sign, "☕");
  assert.equal(messageFor("RETRACK_PROCESSING").sign, "⏳");
  assert.equal(messageFor("TRACK_FAILED").sign, "💩🔥");
  assert.equal(messageFor("ALL_DONE").sign, "🎉");
  assert.ok(messageFor("A_CODE_OF_TOMORROW").text.length > 0);
});

test("series are called by exam and series number, never by a UID", () => {
  assert.equal(seriesName({ exam_number: 194, series_number: 1, study_uid: "1.2.3" }), "Exam 194, Series 1");
  assert.equal(seriesName({ exam_number: null, series_number: 2 }), "Exam, Series 2");
});

test("times are told in words", () => {
  const now = Date.parse("2026-01-15T12:00:00Z");
  const at = (text) => ago(text, now);
  assert.equal(at("2026-01-15T11:59:50Z"), "just now");
  assert.equal(at("2026-01-15T11:48:00Z"), "12 minutes ago");
  assert.equal(at("2026-01-15T09:00:00Z"), "3 hours ago");
  assert.equal(at("2026-01-14T12:00:00Z"), "yesterday");
});

test("only others, and only within the hour, count as being here", () => {
  const now = Date.parse("2026-01-15T12:00:00Z");
  const activity = [
    { editor: "me@example.org", at: "2026-01-15T11:59:00Z" },
    { editor: "old@example.org", at: "2026-01-15T10:00:00Z" },
    { editor: "first@example.org", at: "2026-01-15T11:10:00Z" },
    { editor: "last@example.org", at: "2026-01-15T11:50:00Z" },
  ];
  const found = othersHere({ series: { activity }, session: { editor: "me@example.org" } }, now);
  assert.deepEqual(found.map(({ editor }) => editor), ["last@example.org", "first@example.org"]);
});

test("the chooser finds by number and name and filters by what is to do", () => {
  const all = [
    { exam_number: 12, series_number: 2, dataset_name: "Hearts", completed: null, is_dirty: true },
    { exam_number: 3, series_number: 1, dataset_name: "Hearts", completed: { editor: "x" }, is_dirty: false },
    { exam_number: 12, series_number: 1, dataset_name: "Livers", completed: null, is_dirty: false },
  ];
  const numbers = (found) => found.map((series) => `${series.exam_number}/${series.series_number}`);
  assert.deepEqual(numbers(matching(all, "", "all")), ["3/1", "12/1", "12/2"]);
  assert.deepEqual(numbers(matching(all, "12 heart", "all")), ["12/2"]);
  assert.deepEqual(numbers(matching(all, "", "open")), ["12/1", "12/2"]);
  assert.deepEqual(numbers(matching(all, "", "edited")), ["12/2"]);
  assert.deepEqual(numbers(matching(all, "", "done")), ["3/1"]);
});

test("the difference shows mine, theirs and both in three colours", () => {
  const rgba = new Uint8ClampedArray(16);
  paintDifference(Uint8Array.of(0, 1, 0, 1), Uint8Array.of(0, 0, 1, 1), rgba);
  const pixel = (at) => [...rgba.slice(4 * at, 4 * at + 4)];
  assert.equal(pixel(0)[3], 0);
  assert.notDeepEqual(pixel(1), pixel(2));
  assert.notDeepEqual(pixel(1), pixel(3));
  assert.ok(pixel(3)[3] > 0);
});

test("the keyboard's cursor moves by half a brush, with Shift by two, with Alt by a pixel", () => {
  const keys = { shiftKey: false, altKey: false };
  assert.equal(stepOf(12, keys), 6);
  assert.equal(stepOf(12, { ...keys, shiftKey: true }), 24);
  assert.equal(stepOf(12, { ...keys, altKey: true }), 1);
  assert.equal(stepOf(0.5, keys), 1);
});

test("the store tells who watches, and only when a value changed", () => {
  const store = createStore({ a: 1, b: 2 });
  const seen = [];
  const stop = store.watch(({ a }) => seen.push(a), "a");
  store.set({ b: 3 });
  store.set({ a: 1 });
  store.set({ a: 5 });
  stop();
  store.set({ a: 6 });
  assert.deepEqual(seen, [1, 5]);
});
