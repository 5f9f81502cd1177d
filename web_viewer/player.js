/**
 * When does which frame come while the clip plays? The speed stays true: where not every picture can be shown in time,
 * some are left out, evenly. What is shown is always whole: picture, masks and number change together.
 */
import { followingFrame } from "./frames.js";

const DEFAULT_FRAME_MS = 40;
const SCREEN_MS = 17; // a picture is shown at the screen's next refresh, however early it was there
const LARGEST_STEP = 8;
const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
const SLOW = 0.25;

/**
 * Milliseconds that a frame stays, at normal speed. Pure.
 * @param {number[] | null} times of each frame from the first, in ms @param {number} frame @returns {number}
 */
export function frameDuration(times, frame) {
  if (!times || times.length < 2) return DEFAULT_FRAME_MS;
  const at = Math.min(frame, times.length - 2);
  const duration = times[at + 1] - times[at];
  return duration > 0 && duration < 10_000 ? duration : DEFAULT_FRAME_MS;
}

/**
 * How many frames on is each step? One, until two steps in a row came late; after a while in time it tries a smaller
 * one again, and waits longer each time that this was too much. Pure.
 */
export class Pace {
  constructor() {
    Object.assign(this, { step: 1, late: 0, inTime: 0, patience: 20 });
  }

  /** @param {number} lateness of a step, ms @param {number} frameMs that a frame stays */
  note(lateness, frameMs) {
    const isLate = lateness > frameMs / 2 + SCREEN_MS;
    this.late = isLate ? this.late + 1 : 0;
    this.inTime = isLate ? 0 : this.inTime + 1;
    if (this.late >= 2 && this.step < LARGEST_STEP) this.#change(1);
    else if (this.inTime >= this.patience && this.step > 1) this.#change(-1);
  }

  #change(by) {
    if (by > 0) this.patience = Math.min(640, 2 * this.patience);
    Object.assign(this, { step: this.step + by, late: 0, inTime: 0 });
  }
}

export class Player {
  /** @param {ReturnType<import("./store.js").createStore>} store @param {import("./workspace.js").Workspace} work */
  constructor(store, work) {
    Object.assign(this, { store, work, dueAt: 0, request: 0, pace: new Pace() });
    store.watch(({ isPlaying }) => (isPlaying ? this.#start() : work.lookAhead()), "isPlaying");
  }

  toggle() {
    const { isPlaying, frame, isLooping } = this.store.get();
    const last = (this.work.manifest?.frame_count ?? 1) - 1;
    if (!isPlaying && !isLooping && frame >= last) this.work.goTo(0);
    this.store.set({ isPlaying: !isPlaying && last > 0 });
  }

  /** @param {1 | -1} direction one step faster or slower */
  changeSpeed(direction) {
    const { speed } = this.store.get();
    const next = direction > 0 ? SPEEDS.find((each) => each > speed) : SPEEDS.findLast((each) => each < speed);
    if (next) this.store.set({ speed: next });
  }

  /** One step faster; after the fastest, slow again: for a single button. */
  nextSpeed() {
    const { speed } = this.store.get();
    this.changeSpeed(1);
    if (this.store.get().speed === speed) this.store.set({ speed: SLOW });
  }

  #start() {
    this.dueAt = performance.now();
    this.pace = new Pace();
    this.work.lookAhead();
    const tick = (now) => {
      if (!this.store.get().isPlaying || !this.work.manifest) return;
      this.#advance(now);
      this.request = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(this.request);
    this.request = requestAnimationFrame(tick);
  }

  #advance(now) {
    const { frame, speed, isLooping } = this.store.get();
    const { times_ms: times, frame_count: count } = this.work.manifest;
    const { step } = this.pace;
    const next = followingFrame(frame, step, count, isLooping);
    if (next === null) return this.store.set({ isPlaying: false });
    const frameMs = frameDuration(times, frame) / speed;
    const lateness = now - this.dueAt - step * frameMs;
    if (lateness < 0 || !this.work.frames.isSettled(next)) return;
    this.pace.note(lateness, frameMs);
    this.dueAt = lateness > 2 * frameMs ? now : this.dueAt + step * frameMs;
    this.work.goTo(next, this.pace.step);
  }
}
