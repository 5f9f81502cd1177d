/**
 * What does the stage say while there is no picture to show, and what can be done about it? Called by view.js.
 *
 * Pure: words and the ids of the commands behind the buttons.
 */
import { STATES, messageFor, seriesName } from "../messages.js";

/** @typedef {{sign: string, title: string, text: string, progress?: {done: number, total: number},
 *   actions: {command: string, label: string}[]}} Words */

const OTHER = { command: "exams", label: "Choose another exam" };
const SETTINGS = { command: "settings", label: "Open the settings" };

/**
 * @param {{series: object | null, session: object | null, page: string | null}} state of the store
 * @returns {Words}
 */
export function noPicture({ series, session, page }) {
  if (page === "stopped") return words("🔌", "Goobusters is not running", messageFor("OFFLINE_CORE").text, []);
  if (series?.state === "error") return failed(series);
  if (series) return onItsWay(series);
  if (page === "closed") return words("📭", "No exam is open", "Choose one to go on.", [{ ...OTHER, label: "Choose an exam" }]);
  if (page !== "empty") return words("", "", "", []);
  return emptyDataset(session);
}

function words(sign, title, text, actions) {
  return { sign, title, text, actions };
}

function failed(series) {
  const { sign, text } = messageFor(series.error_code);
  const again = { command: "open_again", label: "Try again" };
  if (series.error_code === "UNAUTHORIZED") return words(sign, seriesName(series), text, [SETTINGS, OTHER]);
  return words(sign, seriesName(series), text, series.action === "retry" ? [again, OTHER] : [OTHER]);
}

function onItsWay(series) {
  const { text } = STATES[series.state] ?? STATES.downloading;
  return { ...words("☕", seriesName(series), text, [OTHER]), progress: series.progress ?? undefined };
}

/** Nothing to open: say why, the likeliest reason first. */
function emptyDataset(session) {
  const state = session?.server.state;
  if (state === "unset") return words("🧭", "No server yet", messageFor("SERVER_UNSET").text, [{ command: "first_start", label: "Set up in three steps" }]);
  if (state === "connecting") return words("☕", "One moment", "Asking the server for the exams.", []);
  if (state === "unauthorized") return words("🔑", "Your access has run out", messageFor("UNAUTHORIZED").text, [SETTINGS]);
  const [notice] = session?.notices ?? [];
  if (notice) {
    const { sign, text } = messageFor(notice.code);
    return words(sign, "The exams cannot be listed", text, [SETTINGS, { command: "look_again", label: "Look again" }]);
  }
  if (state === "offline") return words("☁️", "The server cannot be reached", "No exam was opened on this computer before. Check the connection and the address in the settings; this page goes on by itself.", [SETTINGS]);
  const text = "There is nothing to annotate here. Ask whoever looks after the data set, or look again later.";
  return words("📭", "No exams yet", text, [{ command: "look_again", label: "Look again" }, SETTINGS]);
}
