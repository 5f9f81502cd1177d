/** How does the store's state show on the page as a whole: theme, hand, badge, brightness, page instead of a picture? */
import { h, sign } from "./dom.js";
import { KINDS, STATES, messageFor, seriesName } from "./messages.js";

/** @param {{store: object, work: object, timeline: object, commands: Record<string, () => void>}} app */
export function createView({ store, work, timeline, commands }) {
  const stage = document.getElementById("stage");
  const light = window.matchMedia("(prefers-color-scheme: light)");
  const setTheme = () => {
    const { theme } = store.get().settings;
    document.documentElement.dataset.theme = theme === "light" || (theme === "system" && light.matches) ? "light" : "dark";
    timeline.redraw();
  };
  light.addEventListener("change", setTheme);
  store.watch(setTheme, "settings");
  store.watch(({ settings }) => (document.documentElement.dataset.hand = settings.handedness), "settings");
  store.watch(({ tool }) => {
    stage.dataset.tool = tool;
    document.getElementById("ring").classList.toggle("is-erasing", tool === "eraser");
  }, "tool");
  store.watch(({ brightness }) => work.canvas.setBrightness(brightness), "brightness");
  store.watch(() => work.showLayers(), "opacity", "isOutlineOnly", "areMasksHidden", "session");
  store.watch((state) => showBadge(state, work), "frame", "cellsVersion", "canEdit");
  store.watch((state) => showPage(state, work, commands), "series", "page", "isPictureLate");
}

function showBadge({ frame, canEdit }, work) {
  const badge = document.getElementById("badge");
  if (!canEdit || !work.masks) return badge.replaceChildren();
  const kind = work.masks.frameKind(frame);
  const certainty = kind === "tracked" ? work.masks.confidence(frame, work.label()) : null;
  const text = certainty === null ? KINDS[kind] : `${KINDS[kind]}, ${Math.round(100 * certainty)} % sure`;
  return badge.replaceChildren(h("span.dot", { "data-kind": kind }), h("span", {}, text));
}

/** What stands in place of a picture while there is none. */
function showPage({ series, page }, work, commands) {
  const place = document.getElementById("page");
  const hasPicture = Boolean(work.canvas.bitmap) && work.frames !== null;
  place.hidden = hasPicture;
  if (hasPicture) return;
  place.replaceChildren(h("div.page-inner", {}, ...contentOf(series, page, commands)));
}

function contentOf(series, page, commands) {
  if (page === "stopped") return words("🔌", "Goobusters is not running", messageFor("OFFLINE_CORE").text);
  if (page === "empty") return words("📭", "No exams yet", "There is nothing to annotate here. Ask whoever looks after the data set, or look again later.");
  if (!series) return words("", "", "");
  if (series.state === "error") {
    const { sign: mark, text } = messageFor(series.error_code);
    return [...words(mark, seriesName(series), text), h("button.button", { type: "button", onclick: commands.exams }, "Choose another exam")];
  }
  const { text } = STATES[series.state] ?? STATES.downloading;
  const { done, total } = series.progress ?? {};
  const bar = total > 0 ? h("progress.progress", { max: String(total), value: String(done), "aria-label": text }) : null;
  return [...words("☕", seriesName(series), text), bar];
}

function words(mark, title, text) {
  return [h("div.page-sign", { "aria-hidden": "true" }, sign(mark)), h("h1", {}, title), h("p.quiet", {}, text)];
}
