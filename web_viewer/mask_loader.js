/**
 * When is which mask file of the base version fetched? Near the playhead at once, the rest when nothing else happens
 * (the timeline wants every area). Called by workspace.js.
 */
import { maskFile } from "./api.js";
import { encode } from "./rle.js";

const IDLE_PAUSE_MS = 5;
const BUSY_PAUSE_MS = 150;
const BUNDLE = 4;

export class MaskLoader {
  /**
   * @param {import("./api.js").SeriesKey} series
   * @param {string | null} version of the base
   * @param {import("./masks.js").Masks} masks gets the pixels
   * @param {(frameNumber: number, label: string) => void} onLoaded
   * @param {(error: Error) => void} onError
   * @param {() => boolean} isBusy true while a person draws or plays: idle work waits
   */
  constructor(series, version, masks, onLoaded, onError, isBusy) {
    Object.assign(this, { series, version, masks, onLoaded, onError, isBusy });
    this.stop = new AbortController();
    this.pending = new Map();
    this.failed = new Set();
    this.canvas = document.createElement("canvas");
    this.canvas.width = masks.width;
    this.canvas.height = masks.height;
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Fetches what one frame needs, also what could not be had before. Resolves when its masks are known, or cannot be had. */
  async ensure(frameNumber) {
    await Promise.all(this.masks.labels.map((label) => this.#ensure(frameNumber, label)));
  }

  #ensure(frameNumber, label) {
    const filename = this.masks.missingFile(frameNumber, label);
    if (!filename) return null;
    if (!this.pending.has(filename)) this.pending.set(filename, this.#load(frameNumber, label, filename));
    return this.pending.get(filename);
  }

  async #load(frameNumber, label, filename) {
    try {
      const blob = await maskFile(this.series, filename, this.version, this.stop.signal);
      const runs = await this.#decode(blob);
      if (this.stop.signal.aborted) return;
      this.masks.setBaseRuns(frameNumber, label, runs);
      this.onLoaded(frameNumber, label);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.failed.add(filename);
      this.onError(error);
    } finally {
      this.pending.delete(filename);
    }
  }

  async #decode(blob) {
    const bitmap = await createImageBitmap(blob);
    const { width, height } = this.masks;
    this.context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return runsOf(this.context.getImageData(0, 0, width, height), width, height);
  }

  /** Loads every file that is still missing, a few at a time, while nobody draws. */
  async loadRest() {
    for (const label of this.masks.labels) {
      let bundle = [];
      for (let frame = 0; frame < this.masks.frameCount; frame++) {
        const filename = this.masks.missingFile(frame, label);
        if (filename && !this.failed.has(filename)) bundle.push(frame);
        if (bundle.length < BUNDLE && frame < this.masks.frameCount - 1) continue;
        await pause(IDLE_PAUSE_MS);
        while (this.isBusy()) await pause(BUSY_PAUSE_MS);
        if (this.stop.signal.aborted) return;
        await Promise.all(bundle.map((each) => this.#ensure(each, label)));
        bundle = [];
      }
    }
  }

  close() {
    this.stop.abort();
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Run lengths of a decoded black-and-white picture. @param {ImageData} image @returns {number[]} */
export function runsOf(image, width, height) {
  return encode(bytesOf(image, width, height), width, [0, 0, width, height]);
}

/**
 * Pixels of a mask file, 0 or 1 each (for versions and conflicts, which are looked at and not edited).
 * @param {Blob} blob @param {number} width @param {number} height @returns {Promise<Uint8Array>}
 */
export async function maskBytes(blob, width, height) {
  const bitmap = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return bytesOf(context.getImageData(0, 0, width, height), width, height);
}

function bytesOf(image, width, height) {
  const pixels = new Uint32Array(image.data.buffer);
  const bytes = new Uint8Array(width * height);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (pixels[at] & 0xff) > 127 ? 1 : 0;
  return bytes;
}
