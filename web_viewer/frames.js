/**
 * How do pictures of a clip get to the screen without stutter and without filling the memory?
 *
 * Compressed frames are kept up to a budget (the core and the browser's cache have the rest), decoded ones only near the
 * playhead: at 1918×1374 one decoded frame is 10 MB. The next frames in the direction of travel are decoded ahead.
 */
import { frame as fetchFrame } from "./api.js";

const COMPRESSED_BYTES = 96 * 2 ** 20;
const DECODED_BYTES = 96 * 2 ** 20;
const PARALLEL = 4;
const SPARE = 2; // so that older frames under way never keep the playhead waiting

/**
 * The frame that follows while a clip plays, or null at its end. A loop goes on past the end, so that of the frames that
 * large steps leave out others come at the next round. Pure.
 * @param {number} frame @param {number} step how many frames on @param {number} frameCount @param {boolean} isLooping
 * @returns {number | null}
 */
export function followingFrame(frame, step, frameCount, isLooping) {
  if (frame + step < frameCount) return frame + step;
  if (isLooping) return (frame + step) % frameCount;
  return frame < frameCount - 1 ? frameCount - 1 : null;
}

/**
 * Which frames should be decoded, the most urgent first. Standing still: the playhead, then two thirds ahead, one third
 * behind. Playing: what comes, in order, also past the end of a loop. Pure.
 * @param {number} playhead @param {{direction?: 1 | -1, step?: number, isPlaying?: boolean, isLooping?: boolean}} way
 * @param {number} frameCount @param {number} room how many
 * @returns {number[]}
 */
export function wantedFrames(playhead, { direction = 1, step = 1, isPlaying = false, isLooping = false }, frameCount, room) {
  const wanted = new Set([playhead]);
  const enough = Math.min(room, frameCount);
  if (isPlaying) {
    let next = playhead;
    for (let ahead = 1; ahead < enough && next !== null; ahead++) {
      next = followingFrame(next, step, frameCount, isLooping);
      if (next !== null) wanted.add(next);
    }
    return [...wanted];
  }
  for (let away = 1; wanted.size < enough; away++) {
    const around = away % 2 === 0 ? [away, -away / 2] : [away];
    for (const each of around) {
      const frame = playhead + each * direction;
      if (frame >= 0 && frame < frameCount && wanted.size < enough) wanted.add(frame);
    }
  }
  return [...wanted];
}

export class Frames {
  /**
   * @param {import("./api.js").SeriesKey} series
   * @param {{frame_count: number, width: number, height: number, digest: string}} manifest
   * @param {{decode: (blob: Blob) => Promise<ImageBitmap>}} decoders
   * @param {(frameNumber: number) => void} onDecoded a frame can be shown now
   * @param {(frameNumber: number, error: Error) => void} onError
   */
  constructor(series, manifest, decoders, onDecoded, onError) {
    Object.assign(this, { series, manifest, decoders, onDecoded, onError });
    this.room = Math.max(4, Math.min(64, Math.floor(DECODED_BYTES / (manifest.width * manifest.height * 4))));
    this.compressed = new Map();
    this.compressedBytes = 0;
    this.decoded = new Map();
    this.busy = new Map();
    this.wanted = [];
    this.shown = -1;
    this.failed = new Set();
    this.stop = new AbortController();
  }

  /** The decoded picture, or null while it is not there. @returns {ImageBitmap | null} */
  picture(frameNumber) {
    return this.decoded.get(frameNumber) ?? null;
  }

  /** The same, to be put on the screen: it stays decoded until another one is shown. @returns {ImageBitmap | null} */
  show(frameNumber) {
    const bitmap = this.picture(frameNumber);
    if (bitmap) this.shown = frameNumber;
    return bitmap;
  }

  /** Whether nothing is gained by waiting longer for a frame: it is decoded, or cannot be had. */
  isSettled(frameNumber) {
    return this.decoded.has(frameNumber) || this.failed.has(frameNumber);
  }

  /** Says where the person is and which way they move (see wantedFrames); loads what they will see next. */
  moveTo(playhead, way = {}) {
    this.wanted = wantedFrames(playhead, way, this.manifest.frame_count, this.room);
    const keep = new Set(this.wanted);
    for (const [number, bitmap] of this.decoded) {
      if (keep.has(number) || number === this.shown) continue;
      bitmap.close();
      this.decoded.delete(number);
    }
    this.failed.delete(playhead);
    this.#work();
  }

  /** Nothing is begun beside the frame that the person waits for: decoding four at once makes each four times as late. */
  #work() {
    const [playhead] = this.wanted;
    const isAwaited = !this.isSettled(playhead);
    const limit = isAwaited ? PARALLEL + SPARE : PARALLEL;
    for (const number of isAwaited ? [playhead] : this.wanted) {
      if (this.busy.size >= limit) return;
      if (this.isSettled(number) || this.busy.has(number)) continue;
      this.busy.set(number, this.#load(number));
    }
  }

  async #load(number) {
    try {
      const blob = await this.#blob(number);
      const bitmap = await this.decoders.decode(blob);
      if (this.stop.signal.aborted || !this.wanted.includes(number)) {
        bitmap.close();
      } else {
        this.decoded.set(number, bitmap);
        this.onDecoded(number);
      }
    } catch (error) {
      if (!this.stop.signal.aborted) {
        this.failed.add(number);
        this.onError(number, error);
      }
    }
    this.busy.delete(number);
    if (!this.stop.signal.aborted) this.#work();
  }

  async #blob(number) {
    const kept = this.compressed.get(number);
    if (kept) {
      this.compressed.delete(number);
      this.compressed.set(number, kept);
      return kept;
    }
    const blob = await fetchFrame(this.series, number, this.manifest.digest, this.stop.signal);
    this.compressed.set(number, blob);
    this.compressedBytes += blob.size;
    for (const [oldest, { size }] of this.compressed) {
      if (this.compressedBytes <= COMPRESSED_BYTES) break;
      this.compressed.delete(oldest);
      this.compressedBytes -= size;
    }
    return blob;
  }

  /** Frees everything; the object is of no use afterwards. */
  close() {
    this.stop.abort();
    for (const bitmap of this.decoded.values()) bitmap.close();
    this.decoded.clear();
    this.compressed.clear();
  }
}
