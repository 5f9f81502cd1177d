/** How does the store's state show on the page as a whole: theme, hand, badge, brightness, page instead of a picture? */
import { h, sign } from "./dom.js";
import { KINDS } from "./messages.js";
import { noPicture } from "./pages/no_picture.js";

/** @param {{store: object, work: object, timeline: object, commands: Record<string, () => void>}} app */
export function createView({ store, work, timeline, commands }) {
  const stage = document.getElementById("stage");
  // A click leaves the focus where it was: Space then plays and arrows move on, instead of pressing the button again.
  for (const id of ["topbar", "toolbar", "transport", "options"]) {
    document
      .getElementById(id)
      .addEventListener("mousedown", (event) => event.target.closest("button") && event.preventDefault());
    document
      .getElementById(id)
      .addEventListener("pointerup", (event) => event.target.matches("input[type=range]") && event.target.blur());
  }
  const bars = ["toolbar", "transport"].map((id) => document.getElementById(id));
  const measure = () => {
    const height = bars.reduce((sum, bar) => sum + bar.offsetHeight, 0); // where the page is wide, nothing asks for it
    document.documentElement.style.setProperty("--bars", `${height}px`);
  };
  for (const bar of bars) new ResizeObserver(measure).observe(bar);
  document.addEventListener("gesturestart", (event) => event.preventDefault()); // Safari's own zoom of the page
  const light = window.matchMedia("(prefers-color-scheme: light)");
  const setTheme = () => {
    const { theme } = store.get().settings;
    document.documentElement.dataset.theme =
      theme === "light" || (theme === "system" && light.matches) ? "light" : "dark";
    timeline.redraw();
  };
  light.addEventListener("change", setTheme);
  store.watch(setTheme, "settings");
  store.watch(({ settings }) => (document.documentElement.dataset.hand = settings.handedness), "settings");
  store.watch(({ tool }) => (stage.dataset.tool = tool), "tool");
  store.watch(({ brightness }) => work.canvas.setBrightness(brightness), "brightness");
  store.watch(({ isPlaying }) => work.canvas.setQuick(isPlaying), "isPlaying");
  store.watch(() => work.showLayers(), "opacity", "isOutlineOnly", "areMasksHidden");
  store.watch((state) => showBadge(state, work), "frame", "cellsVersion", "canEdit");
  store.watch(
    ({ isPlaying }) => document.getElementById("badge").setAttribute("aria-live", isPlaying ? "off" : "polite"),
    "isPlaying",
  );
  store.watch(({ isPictureLate }) => stage.classList.toggle("is-late", Boolean(isPictureLate)), "isPictureLate");
  store.watch((state) => showPage(state, commands), "series", "session", "page", "hasPicture");
}

function showBadge({ frame, canEdit }, work) {
  const badge = document.getElementById("badge");
  if (!canEdit || !work.masks) return badge.replaceChildren();
  const kind = work.editor.isDrawing ? "annotation" : work.masks.frameKind(frame);
  const certainty = kind === "tracked" ? work.masks.confidence(frame, work.label()) : null;
  const text = certainty === null ? KINDS[kind] : `${KINDS[kind]}, ${Math.round(100 * certainty)} % sure`;
  return badge.replaceChildren(h("span.dot", { "data-kind": kind }), h("span", {}, text));
}

/** What stands in place of a picture while there is none. */
function showPage(state, commands) {
  const place = document.getElementById("page");
  place.hidden = state.hasPicture;
  if (place.hidden) return;
  const found = noPicture(state);
  const key = JSON.stringify(found);
  if (place.dataset.shown === key) return; // a button that is made anew between press and release would not be clicked
  place.dataset.shown = key;
  const { sign: mark, title, text, progress, actions } = found;
  const bar =
    progress?.total > 0
      ? h("progress.progress", { max: String(progress.total), value: String(progress.done), "aria-label": text })
      : null;
  const buttons = actions.map(({ command, label }) =>
    h("button.button", { type: "button", onclick: commands[command] }, label),
  );
  place.replaceChildren(
    h(
      "div.page-inner",
      {},
      h("div.page-sign", { "aria-hidden": "true" }, sign(mark)),
      h("h1", {}, title),
      h("p.quiet", {}, text),
      bar,
      h("div.choices", {}, ...buttons),
    ),
  );
}
