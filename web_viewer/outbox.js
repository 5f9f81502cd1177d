/**
 * How do ops reach the core's disk? In order, in bundles, again and again until the core says yes.
 *
 * The core ignores an op whose id it knows, so a bundle may safely be sent twice.
 */
import { appendOps } from "./api.js";

const RETRY_MS = [500, 1000, 2000, 5000];

export class Outbox {
  /**
   * @param {import("./api.js").SeriesKey} series
   * @param {(waiting: number, error: Error | null) => void} onChange
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
    this.onChange(this.waiting.length, null);
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
        this.onChange(this.waiting.length, null);
      } catch (error) {
        this.onChange(this.waiting.length, error);
        if (error.status === 400 || error.status === 413 || error.status === 422) {
          this.waiting.splice(0, bundle.length);
          continue;
        }
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
