import assert from "node:assert/strict";
import { test } from "node:test";

import { Gestures } from "../../web_viewer/gestures.js";

function setUp(mode = { isPanning: false, isBrightness: false }) {
  const log = [];
  const names = ["drawStart", "drawMove", "drawEnd", "drawCancel", "panStart", "panMove", "panEnd", "pinchStart", "pinchMove", "pinchEnd", "brightnessStart", "brightnessMove", "brightnessEnd", "doubleTap", "hold"];
  const hand = Object.fromEntries(names.map((name) => [name, (...args) => log.push(name === "drawStart" && args[1] ? "eraseStart" : name)]));
  return { gestures: new Gestures(hand, () => mode), log };
}
const contact = (type, id, x, y, time, more = {}) => ({ type, id, x, y, time, pressure: 0.5, button: 0, size: 1, ...more });

test("the left mouse button draws, the middle one pans, the right one changes brightness", () => {
  for (const [button, name] of [[0, "draw"], [1, "pan"], [2, "brightness"]]) {
    const { gestures, log } = setUp();
    gestures.down(contact("mouse", 1, 0, 0, 0, { button }));
    gestures.move(contact("mouse", 1, 9, 9, 20));
    gestures.up(contact("mouse", 1, 9, 9, 40));
    assert.deepEqual(log, [`${name}Start`, `${name}Move`, `${name}End`]);
  }
});

test("a click with Ctrl picks and draws nothing", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("mouse", 1, 0, 0, 0, { isPick: true }));
  gestures.move(contact("mouse", 1, 9, 9, 20));
  gestures.up(contact("mouse", 1, 9, 9, 40));
  assert.deepEqual(log, ["hold"]);
});

test("moves without a button down do nothing", () => {
  const { gestures, log } = setUp();
  gestures.move(contact("mouse", 1, 9, 9, 20));
  gestures.up(contact("mouse", 1, 9, 9, 20));
  assert.deepEqual(log, []);
});

test("a pen draws although its moves say that no button is down; its barrel and its other end erase", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("pen", 4, 0, 0, 0));
  gestures.move(contact("pen", 4, 30, 0, 20, { buttons: 0 }));
  gestures.up(contact("pen", 4, 30, 0, 40));
  for (const button of [2, 5]) {
    gestures.down(contact("pen", 4, 0, 0, 100, { button }));
    gestures.up(contact("pen", 4, 0, 0, 900));
  }
  assert.deepEqual(log, ["drawStart", "drawMove", "drawEnd", "eraseStart", "drawEnd", "eraseStart", "drawEnd"]);
});

test("one finger draws, a second one that lands soon takes the stroke back and pinches", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("touch", 1, 0, 0, 0));
  gestures.move(contact("touch", 1, 5, 0, 20));
  gestures.down(contact("touch", 2, 100, 0, 60));
  gestures.move(contact("touch", 2, 130, 0, 80));
  gestures.up(contact("touch", 1, 5, 0, 100));
  gestures.move(contact("touch", 2, 140, 0, 120));
  gestures.up(contact("touch", 2, 140, 0, 140));
  assert.deepEqual(log, ["drawStart", "drawMove", "drawCancel", "pinchStart", "pinchMove", "pinchEnd"]);
});

test("a second finger that lands in the middle of a stroke does not spoil it", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("touch", 1, 0, 0, 0));
  gestures.move(contact("touch", 1, 90, 0, 400));
  gestures.down(contact("touch", 2, 200, 0, 500));
  gestures.up(contact("touch", 2, 200, 0, 520));
  gestures.up(contact("touch", 1, 90, 0, 540));
  assert.deepEqual(log, ["drawStart", "drawMove", "drawEnd"]);
});

test("once a pen was seen fingers pan, and a palm does nothing while it is down", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("pen", 9, 0, 0, 0));
  gestures.down(contact("touch", 1, 50, 50, 10));
  gestures.move(contact("touch", 1, 90, 90, 20));
  gestures.up(contact("touch", 1, 90, 90, 25));
  gestures.up(contact("pen", 9, 0, 0, 400));
  gestures.down(contact("touch", 2, 50, 50, 1000));
  gestures.move(contact("touch", 2, 90, 50, 1020));
  gestures.up(contact("touch", 2, 90, 50, 1040));
  assert.deepEqual(log, ["drawStart", "drawEnd", "panStart", "panMove", "panEnd"]);
});

test("a palm that lies there already gives way to the pen; large contacts never count", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("touch", 1, 50, 50, 0));
  gestures.down(contact("pen", 9, 0, 0, 100));
  gestures.up(contact("touch", 1, 50, 50, 120));
  gestures.up(contact("pen", 9, 3, 3, 140));
  gestures.down(contact("touch", 3, 50, 50, 900, { size: 90 }));
  gestures.up(contact("touch", 3, 50, 50, 950));
  assert.deepEqual(log, ["drawStart", "drawCancel", "drawStart", "drawEnd"]);
});

test("two quick taps fit the picture and leave no dab", () => {
  const { gestures, log } = setUp();
  for (const time of [0, 150]) {
    gestures.down(contact("touch", 1, 10, 10, time));
    gestures.up(contact("touch", 1, 11, 10, time + 50));
  }
  assert.deepEqual(log, ["drawStart", "drawEnd", "drawStart", "drawCancel", "doubleTap"]);
});

test("a finger held still picks, one that moves does not", () => {
  for (const [x, expected] of [[12, ["drawStart", "drawMove", "drawCancel", "hold"]], [40, ["drawStart", "drawMove"]]]) {
    const { gestures, log } = setUp();
    gestures.down(contact("touch", 1, 10, 10, 0));
    gestures.move(contact("touch", 1, x, 10, 300));
    gestures.tick(400);
    gestures.tick(700);
    assert.deepEqual(log, expected);
  }
});

test("space or the hand tool pans with the left button", () => {
  const { gestures, log } = setUp({ isPanning: true, isBrightness: false });
  gestures.down(contact("mouse", 1, 0, 0, 0));
  gestures.up(contact("mouse", 1, 0, 0, 10));
  assert.deepEqual(log, ["panStart", "panEnd"]);
});

test("a pointer that the system takes away leaves nothing drawn", () => {
  const { gestures, log } = setUp();
  gestures.down(contact("touch", 1, 0, 0, 0));
  gestures.cancel(contact("touch", 1, 0, 0, 20));
  gestures.move(contact("touch", 1, 50, 0, 30));
  assert.deepEqual(log, ["drawStart", "drawCancel"]);
});
