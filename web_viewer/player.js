/** When does the next frame come while the clip plays? Waits for pictures rather than leaving some out. */

const DEFAULT_FRAME_MS = 40;
export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];

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

export class Player {
  /** @param {ReturnType<import("./store.js").createStore>} store @param {import("./workspace.js").Workspace} work */
  constructor(store, work) {
    Object.assign(this, { store, work, dueAt: 0 });
    store.watch(({ isPlaying }) => isPlaying && this.#start(), "isPlaying");
  }

  toggle() {
    const { isPlaying, frame, isLooping } = this.store.get();
    const last = (this.work.manifest?.frame_count ?? 1) - 1;
    if (!isPlaying && !isLooping && frame >= last) this.work.goTo(0);
    this.store.set({ isPlaying: !isPlaying && last > 0 });
  }

  /** @param {1 | -1} direction one step faster or slower */
  changeSpeed(direction) {
    const at = SPEEDS.indexOf(this.store.get().speed) + direction;
    if (SPEEDS[at]) this.store.set({ speed: SPEEDS[at] });
  }

  #start() {
    this.dueAt = performance.now();
    const tick = (now) => {
      if (!this.store.get().isPlaying || !this.work.manifest) return;
      this.#advance(now);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  #advance(now) {
    const { frame, speed, isLooping } = this.store.get();
    const { times_ms: times, frame_count: count } = this.work.manifest;
    const duration = frameDuration(times, frame) / speed;
    if (now - this.dueAt < duration) return;
    if (!this.work.frames.picture(frame)) return;
    this.dueAt = Math.max(this.dueAt + duration, now - duration);
    if (frame + 1 < count) this.work.goTo(frame + 1);
    else if (isLooping) this.work.goTo(0);
    else this.store.set({ isPlaying: false });
  }
}
