import assert from "node:assert/strict";
import { test } from "node:test";

import { fromSettings, keepLook, toSettings } from "../../web_viewer/kept.js";
import { INITIAL, createStore } from "../../web_viewer/store.js";

test("what the settings keep comes back as it was", () => {
  const state = { brushRadius: 7.25, opacity: 0.6, isOutlineOnly: true, speed: 0.5, isLooping: false };
  assert.deepEqual(fromSettings(toSettings(state)), state);
  assert.deepEqual(fromSettings({ theme: "dark" }), {}, "an older core knows none of it");
  assert.deepEqual(toSettings(INITIAL), {
    brush_size: 24, mask_opacity: 0.3, is_outline_only: false, play_speed: 1, is_looping: true,
  });
});

test("only what changed is sent, once, and what is still resting goes with the page", () => {
  const store = createStore(INITIAL);
  const puts = [];
  const send = keepLook(store, async (...put) => puts.push(put), assert.fail);
  send(true);
  assert.deepEqual(puts, []);
  store.set({ brushRadius: 20 });
  store.set({ brushRadius: 30, frame: 5 });
  send(true);
  assert.deepEqual(puts, [[{ brush_size: 60 }, true]]);
  store.set({ opacity: 0.8, isOutlineOnly: true });
  send(false);
  send(false);
  assert.deepEqual(puts.slice(1), [[{ mask_opacity: 0.8, is_outline_only: true }, false]]);
});
