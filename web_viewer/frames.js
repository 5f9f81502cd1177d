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
const DECODE_OPTIONS = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/**
 * Which frames should be decoded, the most urgent first: the playhead, then two thirds ahead, one third behind.
 * Pure, for tests.
 * @param {number} playhead @param {number} direction 1 or -1 @param {number} frameCount @param {number} room how many
 * @returns {number[]}
 */
export function wantedFrames(playhead, direction, frameCount, room) {
  const wanted = [playhead];
  for (let step = 1; wanted.length < Math.min(room, frameCount) && step < 2 * frameCount; step++) {
    const ahead = playhead + step * direction;
    if (ahead >= 0 && ahead < frameCount) wanted.push(ahead);
    const behind = playhead - (step / 2) * direction;
    if (step % 2 === 0 && behind >= 0 && behind < frameCount) wanted.push(behind);
  }
  return wanted.slice(0, room);
}

export class Frames {
  /**
   * @param {import("./api.js").SeriesKey} series
   * @param {{frame_count: number, width: number, height: number, digest: string}} manifest
   * @param {(frameNumber: number) => void} onDecoded a frame can be shown now
   * @param {(frameNumber: number, error: Error) => void} onError
   */
  constructor(series, manifest, onDecoded, onError) {
    Object.assign(this, { series, manifest, onDecoded, onError });
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

  /** Says where the person is and which way they move; loads what they will see next. */
  moveTo(playhead, direction = 1) {
    this.wanted = wantedFrames(playhead, direction, this.manifest.frame_count, this.room);
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
    const isAwaited = !this.decoded.has(playhead) && !this.failed.has(playhead);
    const limit = isAwaited ? PARALLEL + SPARE : PARALLEL;
    for (const number of isAwaited ? [playhead] : this.wanted) {
      if (this.busy.size >= limit) return;
      if (this.decoded.has(number) || this.busy.has(number) || this.failed.has(number)) continue;
      this.busy.set(number, this.#load(number));
    }
  }

  async #load(number) {
    try {
      const blob = await this.#blob(number);
      const bitmap = await createImageBitmap(blob, DECODE_OPTIONS);
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
