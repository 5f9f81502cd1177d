/** How does the work go on: open, save, next, done? Called by buttons and keys; says what went wrong in words. */
import * as api from "./api.js";
import { ApiError } from "./api.js";

const KEEP_ALIVE_MS = 30_000;

/**
 * @param {{store: object, work: object, toast: (message: object | string, options?: object) => void,
 *   report: (error: Error) => void}} app
 */
export function createFlow({ store, work, toast, report }) {
  const guarded = (action) => async (...args) => {
    try {
      return await action(...args);
    } catch (error) {
      report(error);
      return null;
    }
  };

  const open = guarded(async (series) => {
    await work.open(series);
    keepAlive();
  });

  const save = guarded(() => work.save());

  const next = guarded(async () => {
    if (store.get().unsaved.length > 0) await work.save();
    const found = await api.nextSeries();
    if (found.no_available_series) {
      toast({ code: found.error_code });
      store.set({ allDone: found.error_code === "ALL_DONE" });
    } else await open(found);
  });

  const toggleDone = guarded(async () => {
    const { series } = store.get();
    if (!series) return;
    if (!series.completed && store.get().unsaved.length > 0) await work.save();
    work.onSeries(await api.seriesAction(series, series.completed ? "reopen" : "complete"));
    if (store.get().series.completed) toast("Marked as done.", { action: { label: "Next exam", run: next } });
  });

  const keepAlive = async () => {
    const { series, session } = store.get();
    if (!series || document.visibilityState !== "visible" || session?.server.state !== "ok") return;
    try {
      await api.seriesAction(series, "activity");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the next one tells; being offline shows elsewhere
    }
  };

  setInterval(keepAlive, KEEP_ALIVE_MS);
  return { open, save, next, toggleDone };
}
