/**
 * What does the page show right now? One plain object; every part of the page reads it and is told when it changes.
 *
 * Pixels are not in here (masks.js, frames.js), only what decides how the page looks.
 */

/**
 * @template T
 * @param {T} initial
 */
export function createStore(initial) {
  let state = Object.freeze({ ...initial });
  const listeners = new Set();
  return {
    /** @returns {Readonly<T>} */
    get: () => state,
    /** Merges a patch and tells the listeners when a value really changed. @param {Partial<T>} patch */
    set(patch) {
      const before = state;
      if (Object.keys(patch).every((key) => Object.is(before[key], patch[key]))) return;
      state = Object.freeze({ ...before, ...patch });
      for (const listener of [...listeners]) listener(state, before);
    },
    /**
     * Calls `listener(state, before)` after each change of one of `keys` (any, when none are given), and once now.
     * @param {(state: T, before: T) => void} listener @param {(keyof T)[]} keys
     * @returns {() => void} stops
     */
    watch(listener, ...keys) {
      const wrapped = (now, before) => {
        if (keys.length === 0 || keys.some((key) => now[key] !== before[key])) listener(now, before);
      };
      listeners.add(wrapped);
      listener(state, state);
      return () => listeners.delete(wrapped);
    },
  };
}

/** The page before anything was loaded. */
export const INITIAL = {
  session: null,
  isConnected: true,
  awaySince: null,
  series: null,
  frame: 0,
  isPlaying: false,
  speed: 1,
  isLooping: true,
  tool: "brush",
  label: null,
  brushRadius: 12,
  range: { low: 0, high: 90 },
  opacity: 0.3,
  isOutlineOnly: false,
  areMasksHidden: false,
  brightness: { window: 255, level: 127.5, is_inverted: false },
  place: null,
  canEdit: false,
  canUndo: false,
  canRedo: false,
  unsaved: [],
  unsentOps: 0,
  isThreshold: false,
  hasPicture: false,
  isPictureLate: false,
  hasClip: null,
  cellsVersion: 0,
  page: null,
  settings: { theme: "system", handedness: "right", shortcuts: {} },
};
