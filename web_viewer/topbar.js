/** Which exam is this, who else is there, is it saved, what comes next? */
import { commandName } from "./commands.js";
import { h, icon, iconButton, sign } from "./dom.js";
import { menuItem, toggleMenu } from "./menu.js";
import { SAVES, STATES, ago, messageFor, othersHere, personName, seriesName } from "./messages.js";

const QUIET_STATES = new Set(["ready", "edited", "saved"]);

/**
 * @param {HTMLElement} bar @param {object} store
 * @param {Record<string, () => void>} commands @param {(id: string) => string} keyOf the key of an action in words
 */
export function createTopbar(bar, store, commands, keyOf) {
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
  const undo = iconButton("undo", named("undo"), commands.undo, { "data-command": "undo" });
  const redo = iconButton("redo", named("redo"), commands.redo, { "data-command": "redo" });
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
      chips.replaceChildren(...chipsOf(state));
      undo.disabled = !state.canUndo;
      redo.disabled = !state.canRedo;
      count.textContent = String(unsaved.length);
      count.hidden = unsaved.length === 0;
      save.disabled = !state.canEdit || (unsaved.length === 0 && !["failed", "offline"].includes(series?.save?.state));
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

function mainButton(id, drawing, label, title, onclick, ...rest) {
  return h(
    "button.button",
    { type: "button", "data-command": id, title, onclick, "aria-label": label },
    icon(drawing),
    h("span.label", {}, label),
    ...rest,
  );
}

function chip(mark, text, tone, kind) {
  return h("span.chip", { "data-tone": tone, "data-kind": kind, title: text }, sign(mark), h("span", {}, text));
}

function chipsOf({ series, session, isConnected, unsentOps }) {
  const chips = [];
  if (!isConnected) chips.push(chip("🔌", "Goobusters is not running", "warn", "core"));
  else if (session?.server.state === "offline")
    chips.push(chip("☁️", "Offline – your work is kept", "calm", "offline"));
  else if (session?.server.state === "unset")
    chips.push(chip("🧭", "No server yet – your work is kept", "calm", "unset"));
  else if (session?.server.state === "unauthorized") chips.push(chip("🔑", "Access has run out", "warn", "token"));
  if (!isConnected && unsentOps > 0) chips.push(chip("✏️", `${unsentOps} strokes wait`, "warn", "waiting"));
  if (!series) return chips;
  if (!QUIET_STATES.has(series.state)) chips.push(stateChip(series));
  if (series.save) chips.push(saveChip(series.save));
  else if (series.error_code) {
    const { sign: mark, text, tone } = messageFor(series.error_code);
    chips.push(chip(mark, text, tone, "error"));
  }
  if (series.completed) chips.push(chip("✓", "Done", "good", "done"));
  const [other] = othersHere({ series, session });
  if (other)
    chips.push(
      h(
        "span.chip",
        { "data-kind": "people", "data-tone": "warn", title: `${other.editor} was here ${ago(other.at)}` },
        icon("person"),
        h("span", {}, `${personName(other.editor)}, ${ago(other.at)}`),
      ),
    );
  if (series.semi_synthetic) chips.push(chip("", "Semi-synthetic", "calm", "synthetic"));
  return chips;
}

function progressText({ done, total } = {}) {
  return total > 0 ? ` ${done} of ${total}` : "";
}

function stateChip(series) {
  const { sign: mark, text, tone } = STATES[series.state] ?? STATES.error;
  return chip(mark, text + progressText(series.progress ?? undefined), tone, "state");
}

function saveChip(save) {
  const { sign: mark, text, tone } = SAVES[save.state] ?? SAVES.failed;
  return chip(mark, text + progressText(save), tone, "save");
}

function moreItems(commands, keyOf, store) {
  const line = (id, drawing, extra = {}) =>
    menuItem({ icon: icon(drawing), label: commandName(id), key: keyOf(id), onclick: commands[id], ...extra });
  const { series } = store.get();
  return [
    line("exams", "list"),
    line("history", "history", { disabled: !series }),
    h("hr"),
    line("zoom_in", "zoom-in"),
    line("zoom_out", "zoom-out"),
    line("fit", "fit"),
    h("hr"),
    line("settings", "settings"),
    line("help", "help"),
  ];
}
