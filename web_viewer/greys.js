/** Which greys may be painted on the shown frame? Its grey values, and the range that the person chose. For workspace.js. */
import { greyOf, rangeAround, rangeInside } from "./threshold.js";

const PICK_RADIUS = 3; // px round the pointer
const PICK_TOLERANCE = 24; // of 255, to both sides

export class Greys {
  /** @param {ReturnType<import("./store.js").createStore>} store */
  constructor(store) {
    Object.assign(this, { store, bitmap: null, grey: null, size: { width: 0, height: 0 } });
  }

  /** The picture that counts from now on. @param {ImageBitmap | null} bitmap @param {{width: number, height: number}} size of the clip */
  setPicture(bitmap, size) {
    Object.assign(this, { bitmap, grey: null, size });
  }

  /** Grey values of the picture, one byte a pixel; worked out when somebody asks. */
  #values() {
    if (this.grey) return this.grey;
    const { width, height } = this.size;
    if (!this.bitmap) return new Uint8Array(width * height);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.bitmap, 0, 0);
    this.grey = greyOf(context.getImageData(0, 0, width, height).data);
    return this.grey;
  }

  /** The range that limits painting, or null. @returns {{grey: Uint8Array, low: number, high: number} | null} */
  limit() {
    const { isThreshold, range } = this.store.get();
    return isThreshold ? { grey: this.#values(), low: range.low, high: range.high } : null;
  }

  /** Switches the range on or off. It starts from what the mask covers, if that says enough. @param {Uint8Array | null} mask */
  toggle(mask) {
    const isThreshold = !this.store.get().isThreshold;
    const range = isThreshold && mask ? rangeInside(this.#values(), mask) : null;
    this.store.set({ isThreshold, ...(range && { range }) });
  }

  /** Takes the range from what lies round a pixel. */
  pick(x, y) {
    const { width, height } = this.size;
    this.store.set({ range: rangeAround(this.#values(), width, height, x, y, PICK_RADIUS, PICK_TOLERANCE) });
  }
}
