/** Which tools does the toolbar offer? One entry each; plugins add theirs with `registerTool`. */
import { brush, eraser } from "./brush.js";
import { lasso, polygon } from "./outline.js";

/**
 * @typedef {object} Tool
 * @property {string} id same word in the journal, in shortcuts and in the toolbar
 * @property {string} [name] what a person reads; the built-in tools have theirs in shortcuts.js
 * @property {string} [drawing] of icons.svg; the first letters of the name without
 * @property {boolean} [hasRing] shows the brush's size under the pointer
 * @property {(work: object, point: object, isErasing: boolean) => void} start point: x, y in pixels of the picture,
 *   pressure 0..1, isPen, isAlt, scale (CSS pixels a pixel)
 * @property {(work: object, point: object) => void} move
 * @property {(work: object) => void} end
 * @property {(work: object) => void} cancel
 * @property {(work: object) => void} [drop] forgets what outlives a gesture: another tool or exam was chosen
 */

/** @type {Map<string, Tool>} */
export const TOOLS = new Map([brush, eraser, polygon, lasso].map((tool) => [tool.id, tool]));

/** @param {Tool} tool */
export function registerTool(tool) {
  if (TOOLS.has(tool.id)) throw new Error(`a tool called ${tool.id} is there already`);
  TOOLS.set(tool.id, tool);
}
