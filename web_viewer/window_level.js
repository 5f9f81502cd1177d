/**
 * Which brightness does each grey value of the clip get on the screen? Called by the canvas when it draws a frame and
 * by the window/level controls.
 *
 * Pure. Values are 0..255. `window` is the width of the range that is spread from black to white, `level` its middle.
 */

export const FULL = Object.freeze({ window: 255, level: 127.5, is_inverted: false });

/** Offered by name; made for ultrasound, where fluid is dark and the gain differs from clip to clip. */
export const PRESETS = Object.freeze([
  Object.freeze({ id: "full", name: "As recorded", window: 255, level: 127.5 }),
  Object.freeze({ id: "fluid", name: "Dark areas (fluid)", window: 120, level: 60 }),
  Object.freeze({ id: "tissue", name: "Middle greys (tissue)", window: 150, level: 110 }),
  Object.freeze({ id: "bright", name: "Bright areas", window: 140, level: 185 }),
]);

/** The picture changed by a drag: right widens the window, down lowers the level. `dx`, `dy` in screen px. */
export function dragged(setting, dx, dy) {
  return {
    ...setting,
    window: Math.min(510, Math.max(2, setting.window + dx)),
    level: Math.min(255, Math.max(0, setting.level - dy)),
  };
}

/** True when the picture is shown as it was recorded. */
export function isFull(setting) {
  return setting.window === FULL.window && setting.level === FULL.level && !setting.is_inverted;
}

/** Brightness as a line: shown = value * slope + intercept, clamped, where 1 is white. */
function linear({ window, level, is_inverted }) {
  const slope = 255 / window;
  const intercept = 0.5 - level / window;
  return is_inverted ? { slope: -slope, intercept: 1 - intercept } : { slope, intercept };
}

/**
 * The same line as a CSS filter. Brightness multiplies, contrast turns the line about mid-grey, and each step clamps, so
 * their order depends on where the line meets black. (WebKit applies no SVG filter to a canvas.)
 * @returns {string} "none" when nothing is changed
 */
export function cssFilter(setting) {
  if (isFull(setting)) return "none";
  const { slope, intercept } = linear({ ...setting, is_inverted: false });
  const steps = [];
  if (intercept <= 0) {
    const contrast = 1 - 2 * intercept;
    steps.push(`brightness(${round(slope / contrast)})`, `contrast(${round(contrast)})`);
  } else {
    const brightness = slope + 2 * intercept;
    steps.push(`contrast(${round(slope / brightness)})`, `brightness(${round(brightness)})`);
  }
  if (setting.is_inverted) steps.push("invert(1)");
  return steps.join(" ");
}

function round(value) {
  return Number(value.toFixed(5));
}
