/** How does the work go on: open, save, next, done? Called by buttons and keys; says what went wrong in words. */
import * as api from "./api.js";
import { ApiError } from "./api.js";
import { matching } from "./pages/chooser.js";
import { ago, othersHere, personName } from "./messages.js";

/**
 * The exam after the open one that is on this computer and not done, going round past the end. Pure.
 * @param {object[]} all @param {object | null} current @returns {object | null}
 */
export function nextHere(all, current) {
  const isCurrent = (series) => series.series_uid === current?.series_uid && series.study_uid === current?.study_uid;
  const ordered = matching(
    all.filter((series) => isCurrent(series) || (series.manifest && !series.completed)),
    "",
    "all",
  );
  const at = ordered.findIndex(isCurrent);
  const next = ordered[(at + 1) % Math.max(1, ordered.length)];
  return next && !isCurrent(next) ? next : null;
}

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
    toast.dismiss("people");
    await work.open(series);
    keepAlive();
    const other = othersHere(store.get())[0];
    if (other) toast(`${personName(other.editor)} was here ${ago(other.at)}.`, { key: "people" });
  });

  const hasConflict = () => store.get().series?.save?.state === "conflict";

  const save = guarded(async () => {
    if (hasConflict()) await decideNow();
    else await work.save();
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
    const found = await nextOf(store.get());
    if (!found) return;
    if (found.no_available_series) {
      toast({ code: found.error_code });
      store.set({ allDone: found.error_code === "ALL_DONE" });
    } else await open(found);
  });

  /** The server's choice; without a server the next exam that is on this computer. */
  const nextOf = async ({ series, session }) => {
    try {
      if (session?.server.state === "ok") return await api.nextSeries();
    } catch (error) {
      if (error.code !== "SERVER_UNREACHABLE") throw error;
    }
    const found = nextHere(await api.listSeries(), series);
    if (!found) toast("Without the server there is no other exam on this computer that is not done.", { key: "next" });
    return found;
  };

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
