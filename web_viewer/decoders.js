/**
 * How are pictures decoded without holding up the hand? In workers, so that nothing of it runs between a pointer event
 * and its pixels: at 1918×1374 a browser needs 20 to 50 ms a picture. Called by frames.js.
 */

const AT_MOST = 4;

export class Decoders {
  constructor() {
    const count = Math.min(AT_MOST, Math.max(2, (navigator.hardwareConcurrency ?? 2) - 1));
    this.waiting = new Map();
    this.next = 0;
    this.workers = Array.from({ length: count }, () => {
      const worker = new Worker("/viewer/decoder.js");
      worker.addEventListener("message", ({ data }) => this.#settle(data));
      worker.addEventListener("error", () => this.#failAll()); // the worker itself could not be loaded
      return worker;
    });
  }

  /** @param {Blob} blob a compressed picture @returns {Promise<ImageBitmap>} rejects when it is none */
  decode(blob) {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.workers[id % this.workers.length].postMessage({ id, blob });
    });
  }

  #failAll() {
    for (const id of [...this.waiting.keys()]) this.#settle({ id, bitmap: null });
  }

  #settle({ id, bitmap }) {
    const asked = this.waiting.get(id);
    this.waiting.delete(id);
    if (bitmap) asked?.resolve(bitmap);
    else asked?.reject(new Error("this picture cannot be decoded"));
  }
}
