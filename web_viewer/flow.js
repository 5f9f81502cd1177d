/** How does the work go on: open, save, next, done? Called by buttons and keys; says what went wrong in words. */
import * as api from "./api.js";
import { ApiError } from "./api.js";
import { ago, othersHere, personName } from "./messages.js";

const NONE_HERE = "Without the server there is no other exam on this computer that is not done.";
const KEEP_ALIVE_MS = 30_000;

/**
 * @param {{store: object, work: object, toast: (message: object | string, options?: object) => void,
 *   report: (error: Error) => void, decide: () => Promise<void>}} app decide: asks what counts in a conflict
 */
export function createFlow({ store, work, toast, report, decide }) {
  let isDeciding = false;
  let putOff = null; // the series whose conflict the person wants to decide later

  const guarded =
    (action) =>
    async (...args) => {
      try {
        return await action(...args);
      } catch (error) {
        report(error);
        return null;
      }
    };

  const open = guarded(async (series) => {
    for (const key of ["people", "done"]) toast.dismiss(key);
    await work.open(series);
    keepAlive();
    const other = hasConflict() ? null : othersHere(store.get())[0]; // the question itself says who
    if (other) toast(`${personName(other.editor)} was here ${ago(other.at)}.`, { key: "people" });
  });

  const hasConflict = () => store.get().series?.save?.state === "conflict";

  const save = guarded(async () => {
    if (hasConflict()) await decideNow();
    else if (store.get().series) await work.save();
  });

  const decideNow = async () => {
    if (isDeciding) return;
    isDeciding = true;
    putOff = null;
    await decide();
    isDeciding = false;
    if (hasConflict()) putOff = store.get().series.series_uid;
  };

  store.watch(({ series }, before) => {
    const was = before.series?.save?.state;
    const isSame = series?.series_uid === before.series?.series_uid;
    if (isSame && was === "retracking" && !series.save) toast("Saved. The new masks are here.", { key: "save" });
    if (isSame && was !== "failed" && series?.save?.state === "failed")
      toast({ code: series.save.error_code }, { key: "save" });
  }, "series");

  store.watch(
    ({ series, hasClip }) => {
      if (hasClip && hasConflict() && putOff !== series.series_uid) decideNow();
    },
    "series",
    "hasClip",
  );

  const next = guarded(async () => {
    if (store.get().unsaved.length > 0 && !hasConflict()) await work.save();
    const found = await api.nextSeries(store.get().series);
    if (found.no_available_series) {
      const isOffline = found.error_code === "SERVER_UNREACHABLE" || found.error_code === "SERVER_UNSET";
      toast(isOffline ? NONE_HERE : { code: found.error_code }, { key: "next" });
    } else await open(found);
  });

  const toggleDone = guarded(async () => {
    const { series } = store.get();
    if (!series) return;
    if (!series.completed && store.get().unsaved.length > 0) await work.save();
    work.onSeries(await api.seriesAction(series, series.completed ? "reopen" : "complete"));
    if (!store.get().series.completed) toast.dismiss("done");
    else toast("Marked as done.", { action: { label: "Next exam", run: next }, key: "done" });
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
