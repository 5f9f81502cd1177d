/** Which exam is this, who else is there, is it saved, what comes next? */
import { chipsOf } from "./chips.js";
import { commandName } from "./commands.js";
import { h, icon, iconButton, sign } from "./dom.js";
import { menuItem, toggleMenu } from "./menu.js";
import { seriesName } from "./messages.js";

/**
 * @param {HTMLElement} bar @param {object} store
 * @param {Record<string, () => void>} commands @param {(id: string) => string} keyOf the key of an action in words
 * @param {(code: string) => void} explain shows the sentence behind a chip
 */
export function createTopbar(bar, store, commands, keyOf, explain) {
  const named = (id, text = commandName(id)) => (keyOf(id) ? `${text} (${keyOf(id)})` : text);
  const name = h("span.exam-name", {}, "Goobusters");
  const logo = icon("logo");
  logo.classList.add("logo");
  const exam = h(
    "button.exam-button",
    { type: "button", title: named("exams"), onclick: commands.exams },
    logo,
    name,
    icon("chevron"),
  );
  const chips = h("div.chips", { role: "group", "aria-label": "State" });
  const undo = iconButton("undo", named("undo"), commands.undo, { "data-command": "undo", class: "only-wide" });
  const redo = iconButton("redo", named("redo"), commands.redo, { "data-command": "redo", class: "only-wide" });
  const count = h("span.count", {});
  const save = mainButton("save", "upload", "Save", named("save"), commands.save, count);
  const done = mainButton("done", "done", "Done", named("done"), commands.done);
  const next = mainButton("next_series", "next", "Next", named("next_series"), commands.next_series);
  next.classList.add("main");
  const more = iconButton("more", "More", () => toggleMenu(more, () => moreItems(commands, keyOf, store)), {
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
  });
  bar.append(h("h1", {}, exam), chips, undo, redo, h("span.separator", { "aria-hidden": "true" }), save, done, next, more);

  store.watch(
    (state) => {
      const { series, session, unsaved } = state;
      name.textContent = series ? seriesName(series) : "Choose an exam";
      document.title = series ? `${unsaved.length > 0 ? "● " : ""}${seriesName(series)} – Goobusters` : "Goobusters";
      showChips(chips, chipsOf(state), explain);
      undo.disabled = !state.canUndo;
      redo.disabled = !state.canRedo;
      count.textContent = String(unsaved.length);
      count.hidden = unsaved.length === 0;
      save.disabled = !state.canEdit || (unsaved.length === 0 && !isSaveWanted(series));
      save.classList.toggle("main", unsaved.length > 0);
      next.classList.toggle("main", unsaved.length === 0);
      save.setAttribute("aria-label", unsaved.length > 0 ? `Save, ${unsaved.length} frames are not saved` : "Save");
      done.disabled = !series || session?.server.state !== "ok";
      done.setAttribute("aria-pressed", String(Boolean(series?.completed)));
    },
    "series",
    "session",
    "unsaved",
    "canEdit",
    "canUndo",
    "canRedo",
    "isConnected",
    "unsentOps",
  );
}

/** Whether a save does something although nothing was drawn since the last one: it is sent, or tracked, again. */
function isSaveWanted(series) {
  const isStuck = series?.save?.state === "failed" || series?.save?.state === "offline";
  return isStuck || series?.error_code === "RETRACK_FAILED" || series?.error_code === "MASKS_MISSING";
}

function mainButton(id, drawing, label, title, onclick, ...rest) {
  return h(
    "button.button",
    { type: "button", "data-command": id, title, onclick, "aria-label": label },
    icon(drawing),
    h("span.label", {}, label),
    ...rest,
  );
}

/** Only when they say something else: a button made anew between press and release would not be clicked. */
function showChips(place, chips, explain) {
  const key = JSON.stringify(chips);
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  place.replaceChildren(...chips.map((each) => chipView(each, explain)));
}

/** One chip; one with a sentence behind it is a button that shows it. */
function chipView({ kind, sign: mark, text, tone, title = text, code }, explain) {
  const view = h("span.chip", { "data-tone": tone, "data-kind": kind, title }, sign(mark), h("span", {}, text));
  if (!code) return view;
  return h("button.chip-button", { type: "button", onclick: () => explain(code) }, view);
}

/** The menu behind the three dots. Its last part before the settings has what a narrow page has no room for. */
function moreItems(commands, keyOf, store) {
  const line = (id, drawing, extra = {}) =>
    menuItem({ icon: icon(drawing), label: commandName(id), key: keyOf(id), onclick: commands[id], ...extra });
  const { series, isLooping, canRedo, unsaved } = store.get();
  return [
    line("exams", "list"),
    line("history", "history", { disabled: !series }),
    line("least_certain", "least-certain"),
    line("next_unsaved", "sign-dot", { disabled: unsaved.length === 0 }),
    line("redo", "redo", { disabled: !canRedo, class: "only-narrow" }),
    h("hr"),
    line("zoom_in", "zoom-in", { closes: false }),
    line("zoom_out", "zoom-out", { closes: false }),
    line("fit", "fit"),
    h("hr.only-narrow"),
    line("loop", "loop", { isOn: isLooping, closes: true, class: "only-narrow" }),
    speedItem(commands, store),
    h("hr"),
    line("settings", "settings"),
    line("help", "help"),
  ];
}

/** Each press plays a step faster, and slow again after the fastest. */
function speedItem(commands, store) {
  const label = () => `Speed ${store.get().speed}×`;
  const onclick = () => {
    commands.next_speed();
    item.querySelector("span").textContent = label();
  };
  const item = menuItem({ icon: icon("play"), label: label(), onclick, closes: false, class: "only-narrow" });
  return item;
}
