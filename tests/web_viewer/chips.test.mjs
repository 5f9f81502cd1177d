import assert from "node:assert/strict";
import { test } from "node:test";

import { chipsOf } from "../../web_viewer/chips.js";
import { MESSAGES } from "../../web_viewer/messages.js";
import { INITIAL } from "../../web_viewer/store.js";

const NOW = Date.parse("2026-01-15T12:00:00Z");
const SESSION = { editor: "ann@example.org", server: { state: "ok" }, dataset_stale: false };
const SERIES = { study_uid: "1.2.3", series_uid: "1.2.4", state: "ready", save: null, error_code: null, completed: null, activity: [] };
const shown = (series, session = SESSION, more = {}) =>
  chipsOf({ ...INITIAL, session, series: series && { ...SERIES, ...series }, ...more }, NOW);
const texts = (...state) => shown(...state).map(({ text }) => text);

test("a quiet exam has nothing to say", () => {
  assert.deepEqual(shown({}), []);
  assert.deepEqual(shown(null), []);
});

test("what goes on is told in frames", () => {
  assert.deepEqual(texts({ state: "extracting", progress: { done: 3, total: 30 } }), ["Preparing pictures 3 of 30"]);
  assert.deepEqual(texts({ save: { state: "retracking", done: 5, total: 90 } }), ["New masks coming 5 of 90"]);
});

test("an exam that the server could not track is short in the bar, and the sentence is a press away", () => {
  const [chip] = shown({ state: "ready", error_code: "TRACK_FAILED" });
  assert.equal(chip.text, "Not tracked");
  assert.ok(chip.code in MESSAGES);
  assert.ok(shown({ state: "error", error_code: "CLIP_UNREADABLE" }).every(({ text }) => text.length < 24));
});

test("the connection comes first, then newer clips", () => {
  assert.deepEqual(texts({ completed: {} }, { ...SESSION, server: { state: "offline" } }), ["Offline – your work is kept", "Done"]);
  assert.deepEqual(texts({}, { ...SESSION, dataset_stale: true }), ["Newer clips"]);
  assert.deepEqual(texts({}, SESSION, { isConnected: false, unsentOps: 2 }), ["Goobusters is not running", "2 strokes wait"]);
});

test("a save that waits for the server is told together with being offline, in one sign", () => {
  const offline = { ...SESSION, server: { state: "offline" } };
  assert.deepEqual(texts({ save: { state: "offline" } }, offline), ["Offline – saved here, goes up later"]);
  assert.deepEqual(texts({ save: { state: "offline" } }), ["Saved here, goes up later"]);
});

test("colleagues of the last hour are named, with when, and nobody else", () => {
  const at = (minutes) => new Date(NOW - minutes * 60_000).toISOString();
  const activity = [{ editor: "ann@example.org", at: at(1) }, { editor: "bob@example.org", at: at(20) }];
  const [chip] = shown({ activity });
  assert.equal(chip.text, "bob, 20 minutes ago");
  assert.equal(chip.title, "bob@example.org was here 20 minutes ago");
  assert.deepEqual(shown({ activity: [{ editor: "bob@example.org", at: at(61) }] }), []);
});
