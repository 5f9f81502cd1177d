/**
 * How do ops reach the core's disk? In order, in bundles, again and again until the core says yes.
 *
 * The core ignores an op whose id it knows, so a bundle may safely be sent twice.
 */
import { appendOps } from "./api.js";

const REFUSED = new Set(["OP_INVALID", "OP_OUT_OF_ORDER"]); // sending these again would not help
const RETRY_MS = [500, 1000, 2000, 5000];

export class Outbox {
  /**
   * @param {import("./api.js").SeriesKey} series
   * @param {(waiting: number, error: Error | null, isRefused: boolean) => void} onChange refused ops are gone
   */
  constructor(series, onChange) {
    Object.assign(this, { series, onChange });
    this.waiting = [];
    this.sending = null;
    this.failures = 0;
    this.isClosed = false;
  }

  add(op) {
    this.waiting.push(op);
    this.onChange(this.waiting.length, null, false);
    this.sending ??= this.#send();
  }

  /** Resolves when everything has been written to disk. */
  async flush() {
    while (this.sending) await this.sending;
  }

  async #send() {
    while (this.waiting.length > 0 && !this.isClosed) {
      const bundle = this.waiting.slice(0, 50);
      try {
        await appendOps(this.series, bundle);
        this.waiting.splice(0, bundle.length);
        this.failures = 0;
        this.onChange(this.waiting.length, null, false);
      } catch (error) {
        const isRefused = REFUSED.has(error.code);
        if (isRefused) this.waiting.splice(0, bundle.length);
        this.onChange(this.waiting.length, error, isRefused);
        if (isRefused) continue;
        const pause = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    this.sending = null;
  }

  /** Last words of a page that is being closed. */
  sendNow() {
    if (this.waiting.length > 0) appendOps(this.series, this.waiting, true).catch(() => {});
  }

  close() {
    this.isClosed = true;
  }
}
