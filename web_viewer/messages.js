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
  TRACK_FAILED: bad("The server could not carry the masks through this clip. Please tell whoever looks after it."),
  MASKS_MISSING: calm("🩹", "The server could not make masks for this exam. Draw as usual; saving makes it try again."),
  RETRACK_PENDING: calm("⏳", "Saved. The new masks are waiting for their turn."),
  RETRACK_PROCESSING: calm("⏳", "Saved. The server is making the new masks."),
  RETRACK_FAILED: bad("Saved, but the new masks could not be made. Your drawing is safe. Press Save to try again."),
  RETRACK_IN_PROGRESS: calm("⏳", "The server is still busy with the last save. Yours will follow by itself."),
  NOTHING_TO_RETRACK: calm("⏳", "There is nothing new to make masks from."),
  WORKER_DIED: bad("The server broke off while making the masks. Press Save to try again."),
  OUT_OF_MEMORY: bad("The server had too little memory for this clip. Please tell whoever looks after it."),
  MERGED: good("🤝", "Changes of a colleague on other frames were joined with yours."),
  EXPORTED: good("📤", "The annotations were exported."),
  IMPORTED: good("📥", "The annotations were imported."),
  EXCHANGE_FAILED: warn("🩹", "The annotations could not be exported or imported. Nothing was changed."),
  VERSION_LOST: warn("🩹", "The server lacks masks of this exam that are on this computer. They are unsaved now; please save."),
  VERSION_FOLLOWED: calm("🤝", "A colleague saved this exam; you see the new state."),
  VERSION_MISMATCH: warn("🔀", "A colleague saved this exam too."),
  VERSION_UNKNOWN: warn("🔍", "This version is not there any more."),
  CONFLICT_OPEN: warn("🔀", "Please decide first whose drawing counts on the frames that both of you changed."),
  CONFLICT_NONE: calm("🔀", "This has been decided already."),
  CHOICES_INCOMPLETE: warn("🔀", "Some frames are not decided yet."),
  CHOICES_INVALID: warn("🔀", "Some frames are not decided yet."),
  UNSAVED_EDITS: warn("●", "Please save or undo what you drew before you bring an earlier version back."),
  SERVER_UNREACHABLE: calm("☁️", "No connection to the server. Your work is kept here and goes up later."),
  SERVER_STARTING: calm("☕", "The server is starting."),
  SERVER_UNSET: warn("🧭", "No server is set yet. Please put in its address in the settings."),
  SERVER_ERROR: bad("The server had a problem. Your work is kept here; please try again later."),
  STORAGE_FAILED: bad(
    "The server cannot write to its disk. Your work is kept here; please tell whoever looks after it.",
  ),
  RATE_LIMITED: calm("⏳", "Too many requests at once. It goes on in a moment."),
  TOO_MANY_STREAMS: calm("⏳", "Very many people are connected to the server. News may come a little later."),
  ARCHIVE_TOO_LARGE: bad("These masks are larger than the server accepts. Please tell whoever looks after it."),
  ARCHIVE_INVALID: bad("The masks that came from the server cannot be read. Please tell whoever looks after it."),
  UNAUTHORIZED: warn("🔑", "Your access has run out. Please put in a new access token in the settings."),
  AUTH_UNAVAILABLE: warn(
    "🔑",
    "Your access cannot be checked right now. Your work is kept here; please try again later.",
  ),
  EDITOR_INVALID: warn("👤", "Please put in your e-mail address in the settings."),
  OFFLINE_CORE: warn(
    "🔌",
    "Goobusters has stopped in the background. Please start it again; your work up to here is kept.",
  ),
  KEY_REQUIRED: warn("🔌", "Goobusters was started anew. Please open the address that it shows now."),
  HOST_FORBIDDEN: warn("🔌", "Please open the address that Goobusters shows."),
  ORIGIN_FORBIDDEN: warn("🔌", "Please open the address that Goobusters shows."),
  DATASET_STALE: warn("🔄", "The server has newer clips. Masks and pictures may differ until you refresh."),
  DATASET_UNREADABLE: bad("The data set cannot be read. Please tell whoever looks after it."),
  DATASET_MISSING: bad("The data set is not there. Please check the settings."),
  ANNOTATIONS_UNREADABLE: warn(
    "🩹",
    "The annotations that came with the data set cannot be read. The clips can still be opened.",
  ),
  CLIP_LEFT_OUT: warn("🩹", "Some files of the data set cannot be read as clips; they are not listed."),
  SERIES_DUPLICATE: warn("🩹", "The data set holds an exam twice; it is listed once."),
  ANNOTATION_INVALID: warn("🩹", "Some annotations of the data set are not for any exam or frame; they were left out."),
  ANNOTATION_WITHOUT_CLIP: warn("🩹", "The data set has annotations of exams that are not here; they were left out."),
  ANNOTATION_BEYOND_END: warn("🩹", "Some annotations of the data set lie beyond the last frame; they were left out."),
  ANNOTATION_OUTSIDE: warn("🩹", "Some annotations of the data set lie outside the picture; they were left out."),
  ANNOTATION_CONTRADICTION: warn("🩹", "Some frames of the data set are both marked and empty; they count as marked."),
  ANNOTATION_SHAPE_UNKNOWN: warn("🩹", "Some annotations of the data set have a shape that is not known; they were left out."),
  POLYGON_INVALID: warn("🩹", "Some annotations of the data set cannot be drawn; they were left out."),
  POLYGONS_TOO_MANY: warn("🩹", "Some annotations of the data set are too large; they were left out."),
  DATASET_EMPTY: calm("📭", "There are no exams yet."),
  STARTED_FROM_DISK: calm("💾", "Going on with the clips that are on this computer already."),
  DATASET_BUSY: calm("☕", "The clips are being downloaded right now. Stop that first, or wait."),
  MDAI_TOKEN_REFUSED: warn("🔑", "MD.ai does not accept the access token. Please put in a new one in the settings."),
  MDAI_PROJECT_REFUSED: warn("🔑", "MD.ai does not give you this project. Please ask whoever looks after the data."),
  MDAI_IMAGES_REFUSED: warn("🔑", "MD.ai does not give you the clips. Please ask whoever looks after the data."),
  MDAI_UNREACHABLE: calm("☁️", "No connection to MD.ai. What is on this computer already can be used."),
  MDAI_UNAVAILABLE: warn("☁️", "MD.ai does not work at the moment. Please try again later."),
  MDAI_STALLED: warn("☁️", "MD.ai stopped sending. Please try again later."),
  MDAI_EXPORT_FAILED: warn("☁️", "MD.ai could not prepare the clips. Please try again later."),
  MDAI_DOWNLOAD_BROKEN: warn("☁️", "The download from MD.ai was not whole. Please try again."),
  MDAI_STOPPED: warn("☁️", "The download from MD.ai ended too early. Please try again."),
  MDAI_EXPORT_UNSAFE: bad("What MD.ai sent was refused for safety. Please tell whoever looks after the data."),
  MDAI_DOMAIN_INVALID: warn("✏️", "The address of MD.ai does not fit. Please ask whoever installed Goobusters."),
  MDAI_PROJECT_MISSING: warn("✏️", "No project of MD.ai is set. Please ask whoever installed Goobusters."),
  MDAI_SDK_MISSING: bad("A part of Goobusters is missing. Please ask whoever installed it."),
  MDAI_DISK_FAILED: bad("The clips cannot be written to the disk. Please check it; nothing of your work is lost."),
  CLIPS_MISSING: warn("🔄", "Some clips are missing on this computer. Refresh to fetch them."),
  MDAI_DISK_FULL: bad("The disk has no room for the clips. Please make room; nothing of your work is lost."),
  CLIP_UNREADABLE: bad("This clip cannot be read. Please choose another exam and tell whoever looks after the data."),
  CLIP_EMPTY: bad("This clip has no pictures. Please choose another exam."),
  CLIP_TRUNCATED: bad(
    "This clip breaks off before its end. Please choose another exam and tell whoever looks after the data.",
  ),
  CLIP_SIZES_DIFFER: bad("The pictures of this clip have different sizes. Please choose another exam."),
  CLIP_MISSING: bad("The clip of this exam is missing."),
  FRAMES_DIFFER: bad("Pictures and masks do not fit together, so this exam cannot be edited."),
  MASKS_DAMAGED: bad("Some masks on this computer are damaged. Open the exam again to fetch them anew."),
  CACHE_NOT_WRITABLE: bad(
    "The folder for pictures cannot be written. Please check the disk; nothing that you saved is lost.",
  ),
  CACHE_IN_USE: warn("🔌", "Goobusters is running already."),
  PORT_IN_USE: warn("🔌", "Goobusters is running already."),
  SERIES_UNKNOWN: warn("🔍", "This exam is not in the data set any more."),
  SERIES_BUSY: calm("☕", "This exam is being fetched right now."),
  SERIES_NOT_READY: calm("☕", "The server does not know this clip well enough yet. It goes on by itself."),
  NOT_OPEN: calm("☕", "This exam is being opened."),
  CANCELLED: calm("✓", "Stopped."),
  OP_INVALID: bad("The last change could not be kept and was taken back."),
  OP_OUT_OF_ORDER: bad("The last change did not fit any more and was taken back."),
  SETTING_INVALID: warn("✏️", "This value does not fit."),
  SETTING_FIXED: warn("✏️", "This is set by whoever installed Goobusters."),
  JOURNAL_DAMAGED: warn("🩹", "The last change of an earlier session was cut off and is missing."),
  SETTINGS_NOT_WRITABLE: warn("💾", "This cannot be kept: the folder for your settings cannot be written."),
  KEYRING_FAILED: warn("🔑", "The keyring of this computer did not give the access token. Unlock it and start Goobusters again, or put the token in the settings."),
  PLUGIN_FAILED: warn("🧩", "An extension had a problem and was switched off."),
  NO_PLUGIN: warn("🧩", "An extension is missing that could do this. Please ask whoever installed Goobusters."),
  NOT_FOUND: warn("🔍", "This is not there any more."),
  REQUEST_INVALID: bad("Something went wrong. Please try again."),
  METHOD_NOT_ALLOWED: bad("Something went wrong. Please try again."),
  INTERNAL_ERROR: bad("Something went wrong. Please try again."),
});

const UNKNOWN = bad("Something went wrong. Please try again.");

/** @param {string | null | undefined} code @returns {Message} */
export function messageFor(code) {
  return MESSAGES[code] ?? UNKNOWN;
}

/**
 * Codes of what a person should hear once: what is wrong on this computer, and which annotations of the data set the
 * server had to leave out. What else the server has to complain about is for its admin.
 * @param {object | null} session @returns {Set<string>}
 */
export function noticesOf(session) {
  const left = (session?.server.status?.problems ?? []).filter(({ code }) => /^(ANNOTATION|POLYGON)/.test(code));
  return new Set([...(session?.notices ?? []), ...left].map(({ code }) => code));
}

/**
 * What was joined with a colleague's save, frame by frame. @param {{editor?: string, mine_frames?: number[], theirs_frames?: number[]}} notice
 * @returns {string}
 */
export function mergedText({ editor, mine_frames: mine = [], theirs_frames: theirs = [] }) {
  const from = theirs.length > 0 ? ` From ${editor ?? "a colleague"}: ${framesText(theirs)}.` : "";
  const own = mine.length > 0 ? ` From you: ${framesText(mine)}.` : "";
  return `${editor ?? "A colleague"} saved this exam too; both were joined.${from}${own}`;
}

/** Frames as people count them: "frame 4" or "frames 2, 5–9". @param {number[]} frames 0-based @returns {string} */
export function framesText(frames) {
  const sorted = [...new Set(frames)].sort((a, b) => a - b);
  const parts = [];
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === sorted[end] + 1) end++;
    parts.push(end > at ? `${sorted[at] + 1}–${sorted[end] + 1}` : String(sorted[at] + 1));
    at = end + 1;
  }
  return `${sorted.length === 1 ? "frame" : "frames"} ${parts.join(", ")}`;
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

/** What a person is called in passing: the name in their address. @param {string | null} editor @returns {string} */
export function personName(editor) {
  return editor ? editor.split("@")[0] : "Somebody";
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

const RECENT_MS = 60 * 60_000;

/**
 * Who else was active on the open series within the hour, the latest first.
 * @param {{series: object | null, session: object | null}} state @param {number} now in ms
 * @returns {{editor: string, at: string}[]}
 */
export function othersHere({ series, session }, now = Date.now()) {
  return (series?.activity ?? [])
    .filter(({ editor, at }) => editor && editor !== session?.editor && now - Date.parse(at) < RECENT_MS)
    .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}
