import assert from "node:assert/strict";
import { test } from "node:test";

import { cssFilter, dragged, FULL, isFull, PRESETS } from "../../web_viewer/window_level.js";

/** By definition: the window is spread from black to white, its level becomes the middle. */
function lookupTable({ window, level, is_inverted }) {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => ((value - level) / window + 0.5) * 255);
  return is_inverted ? table.map((value) => 255 - value) : table;
}

test("as recorded, every value is shown as itself", () => {
  assert.deepEqual([...lookupTable(FULL)], Array.from({ length: 256 }, (_, i) => i));
  assert.ok(isFull(FULL));
  assert.ok(isFull({ ...FULL, ...PRESETS[0] }));
});

test("a window is spread from black to white round its level", () => {
  const table = lookupTable({ window: 100, level: 100, is_inverted: false });
  assert.equal(table[50], 0);
  assert.equal(table[0], 0);
  assert.equal(table[150], 255);
  assert.equal(table[255], 255);
  assert.ok(Math.abs(table[100] - 127.5) <= 1);
});

test("inverted is the same, white for black", () => {
  const plain = lookupTable({ window: 100, level: 100, is_inverted: false });
  const inverted = lookupTable({ window: 100, level: 100, is_inverted: true });
  assert.ok(plain.every((value, i) => Math.abs(value + inverted[i] - 255) <= 1));
  assert.ok(!isFull({ ...FULL, is_inverted: true }));
});

test("a drag to the right softens, a drag down brightens, and neither runs away", () => {
  const start = { window: 100, level: 100, is_inverted: true };
  assert.deepEqual(dragged(start, 20, 0), { window: 120, level: 100, is_inverted: true });
  assert.deepEqual(dragged(start, 0, 20), { window: 100, level: 80, is_inverted: true });
  for (const [dx, dy] of [[9e4, 9e4], [-9e4, -9e4], [-9e4, 9e4]]) {
    const { window, level } = dragged(start, dx, dy);
    assert.ok(window >= 2 && window <= 510 && level >= 0 && level <= 255);
    assert.match(cssFilter({ window, level, is_inverted: true }), /invert/);
  }
});

test("every preset differs, has a name and a usable window", () => {
  assert.equal(new Set(PRESETS.map(({ id }) => id)).size, PRESETS.length);
  assert.equal(new Set(PRESETS.map((preset) => lookupTable({ ...preset, is_inverted: false }).join())).size, PRESETS.length);
  for (const preset of PRESETS) assert.ok(preset.name.length > 0);
});

test("the CSS filter, step by step as a browser applies it, shows every value as the table does", () => {
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const apply = {
    brightness: (value, by) => clamp(value * by),
    contrast: (value, by) => clamp((value - 0.5) * by + 0.5),
    invert: (value) => 1 - value,
  };
  assert.equal(cssFilter(FULL), "none");
  for (const window of [2, 40, 120, 255, 400, 510]) {
    for (const level of [0, 20, 60, 127.5, 200, 255]) {
      for (const is_inverted of [false, true]) {
        const setting = { window, level, is_inverted };
        if (isFull(setting)) continue;
        const steps = [...cssFilter(setting).matchAll(/(\w+)\(([\d.]+)\)/g)];
        const table = lookupTable(setting);
        for (let value = 0; value < 256; value += 1) {
          const shown = steps.reduce((now, [, name, by]) => apply[name](now, Number(by)), value / 255);
          assert.ok(Math.abs(shown * 255 - table[value]) <= 1.01, `${cssFilter(setting)} at ${value}`);
        }
      }
    }
  }
});
