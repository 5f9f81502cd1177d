/**
 * What should a person know about the open exam without asking? The small signs beside its name, the most urgent first.
 *
 * Pure. A chip with a `code` is a short word for a sentence of messages.js, which the top bar shows when it is pressed.
 */
import { SAVES, STATES, ago, messageFor, othersHere, personName } from "./messages.js";

/** @typedef {{kind: string, sign: string, text: string, tone: string, title?: string, code?: string}} Chip */

const QUIET_STATES = new Set(["ready", "edited", "saved"]);
const SHORT = {
  MASKS_MISSING: "Not tracked",
  SERIES_UNKNOWN: "Not in the data set",
  TRACK_FAILED: "Not tracked",
  RETRACK_FAILED: "New masks missing",
  UNAUTHORIZED: "Access has run out",
  DATASET_STALE: "Newer clips",
};

const chip = (kind, sign, text, tone, more = {}) => ({ kind, sign, text, tone, ...more });

/** @param {object} state of the store @param {number} now in ms @returns {Chip[]} */
export function chipsOf(state, now = Date.now()) {
  const { series } = state;
  return [...connection(state), ...(series ? [...progress(state), ...facts(series, state, now)] : [])];
}

/** Offline and a save that waits for the server are one thing to say. */
const isSaveOffline = ({ series, session }) => series?.save?.state === "offline" && session?.server.state === "offline";

function connection(state) {
  const { session, isConnected, unsentOps } = state;
  if (!isConnected) {
    const waiting = unsentOps > 0 ? [chip("waiting", "✏️", `${unsentOps} strokes wait`, "warn")] : [];
    return [chip("core", "🔌", "Goobusters is not running", "warn", { code: "OFFLINE_CORE" }), ...waiting];
  }
  const offline = isSaveOffline(state) ? "Offline – saved here, goes up later" : "Offline – your work is kept";
  const chips = {
    offline: [chip("offline", "☁️", offline, "calm")],
    unset: [chip("unset", "🧭", "No server yet – your work is kept", "calm")],
    unauthorized: [coded("token", "UNAUTHORIZED")],
  };
  return [...(chips[session?.server.state] ?? []), ...(session?.dataset_stale ? [coded("stale", "DATASET_STALE")] : [])];
}

/** The short word for a code. */
function coded(kind, code) {
  const { sign, tone } = messageFor(code);
  return chip(kind, sign, SHORT[code] ?? "Needs attention", tone, { code });
}

function progress(state) {
  const { series } = state;
  const chips = [];
  if (series.state !== "error" && !QUIET_STATES.has(series.state)) {
    const { sign, text, tone } = STATES[series.state] ?? STATES.error;
    chips.push(chip("state", sign, text + counted(series.progress), tone));
  }
  if (isSaveOffline(state)) return chips;
  if (series.save) {
    const { sign, text, tone } = SAVES[series.save.state] ?? SAVES.failed;
    chips.push(chip("save", sign, text + counted(series.save), tone, { code: series.save.error_code ?? undefined }));
  } else if (series.error_code) chips.push(coded("error", series.error_code));
  return chips;
}

function counted(numbers) {
  return numbers?.total > 0 ? ` ${numbers.done} of ${numbers.total}` : "";
}

function facts(series, state, now) {
  const chips = [];
  if (series.completed) chips.push(chip("done", "✓", "Done", "good"));
  const [other] = othersHere(state, now);
  if (other) {
    const when = ago(other.at, now);
    const title = `${other.editor} was here ${when}`;
    chips.push(chip("people", "👤", `${personName(other.editor)}, ${when}`, "warn", { title }));
  }
  if (series.semi_synthetic) chips.push(chip("synthetic", "", "Semi-synthetic", "calm"));
  return chips;
}
