/**
 * Which words and which sign does a person see for a code or a state? The only place with such words; pure.
 *
 * Codes come from the core and the server (docs/contracts.md). No jargon, no ids; each says what to do, if anything.
 */

/** @typedef {{sign: string, text: string, tone: "calm" | "good" | "warn" | "bad"}} Message */

const message = (sign, text, tone) => Object.freeze({ sign, text, tone });
const calm = (sign, text) => message(sign, text, "calm");
const good = (sign, text) => message(sign, text, "good");
const warn = (sign, text) => message(sign, text, "warn");
const bad = (text) => message("💩🔥", text, "bad");

/** @type {Record<string, Message>} */
export const MESSAGES = Object.freeze({
  ALL_DONE: good("🎉", "Every exam is done. Thank you!"),
  ALL_ACTIVE: calm("👥", "Colleagues are at work on all exams that are left. Try again later, or choose one yourself."),
  TRACK_PENDING: calm("☕", "The server is preparing the masks."),
  TRACK_PROCESSING: calm("☕", "The server is preparing the masks."),
  TRACK_FAILED: bad("The server could not carry the masks through this clip. You can still draw and save."),
  RETRACK_PENDING: calm("⏳", "Saved. The new masks are waiting for their turn."),
  RETRACK_PROCESSING: calm("⏳", "Saved. The server is making the new masks."),
  RETRACK_FAILED: bad("Saved, but the new masks could not be made. Your drawing is safe; try again from the menu."),
  RETRACK_IN_PROGRESS: calm("⏳", "The server is still busy with the last save. Yours will follow by itself."),
  VERSION_MISMATCH: warn("🔀", "A colleague saved this exam too."),
  OFFLINE: calm("☁️", "No connection to the server. Your work is kept here and goes up later."),
  SERVER_UNREACHABLE: calm("☁️", "No connection to the server. Your work is kept here and goes up later."),
  OFFLINE_CORE: warn("🔌", "Goobusters has stopped in the background. Please start it again; your work up to here is kept."),
  UNAUTHORIZED: warn("🔑", "Your access has run out. Please put in a new access token in the settings."),
  TOKEN_STALE: warn("🔑", "Your access has run out. Please put in a new access token in the settings."),
  SERVER_UNSET: warn("🧭", "No server is set yet. Please put in its address in the settings."),
  DATASET_STALE: warn("🔄", "The server has newer clips. Masks and pictures may differ until you refresh."),
  DATASET_EMPTY: calm("📭", "There are no exams yet."),
  CLIP_UNREADABLE: bad("This clip cannot be read. Please choose another exam and tell whoever looks after the data."),
  CLIP_MISSING: bad("The clip of this exam is missing."),
  FRAMES_DIFFER: bad("Pictures and masks do not fit together, so this exam cannot be edited."),
  DISK_FULL: bad("The disk is full. Please make room; nothing of your work is lost."),
  OP_INVALID: bad("The last change could not be kept and was taken back."),
  SETTING_INVALID: warn("✏️", "This value does not fit."),
  JOURNAL_DAMAGED: warn("🩹", "The last change of an earlier session was cut off and is missing."),
  PLUGIN_FAILED: warn("🧩", "An extension had a problem and was switched off."),
  MERGED: good("🤝", "Changes of a colleague on other frames were joined with yours."),
  NOT_FOUND: warn("🔍", "This is not there any more."),
});

const UNKNOWN = bad("Something went wrong. Please try again.");

/** @param {string | null | undefined} code @returns {Message} */
export function messageFor(code) {
  return MESSAGES[code] ?? UNKNOWN;
}

/** Sign and words for a series' state, in the chooser and in the top bar. @type {Record<string, Message>} */
export const STATES = Object.freeze({
  not_downloaded: calm("", "Not on this computer yet"),
  downloading: calm("☕", "Downloading"),
  downloaded: calm("☕", "Preparing pictures"),
  extracting: calm("☕", "Preparing pictures"),
  extracted: calm("☕", "Fetching masks"),
  pending: calm("☕", "Masks are being prepared"),
  tracking: calm("☕", "Masks are being prepared"),
  ready: calm("", "Ready"),
  edited: warn("●", "Not saved"),
  saved: good("✓", "Saved"),
  error: bad("Needs attention"),
});

/** Sign and words for a save under way. @type {Record<string, Message>} */
export const SAVES = Object.freeze({
  saving: calm("⏳", "Saving"),
  waiting: calm("⏳", "Waiting to save"),
  retracking: calm("⏳", "New masks coming"),
  conflict: warn("🔀", "Needs your choice"),
  offline: calm("☁️", "Saved here, goes up later"),
  failed: bad("Not saved"),
});

/** What a person calls a series. @returns {string} */
export function seriesName(series) {
  const exam = series.exam_number === null || series.exam_number === undefined ? "Exam" : `Exam ${series.exam_number}`;
  return `${exam}, Series ${series.series_number ?? 1}`;
}

/** Kinds of frames in words. */
export const KINDS = Object.freeze({
  annotation: "Drawn by a person",
  empty: "Verified empty",
  tracked: "Tracked by the server",
  none: "No mask",
});

/** "3 minutes ago" without a library. @param {string} at RFC 3339 @param {number} now in ms @returns {string} */
export function ago(at, now = Date.now()) {
  const minutes = Math.max(0, Math.round((now - Date.parse(at)) / 60_000));
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "a minute ago" : `${minutes} minutes ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 24) return hours === 1 ? "an hour ago" : `${hours} hours ago`;
  const days = Math.round(hours / 24);
  return days === 1 ? "yesterday" : `${days} days ago`;
}
