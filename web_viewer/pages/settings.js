/**
 * What can a person set? Name, server, access, look, keys, and what is kept on this computer.
 *
 * Every change is kept at once by the core; there is no button to forget. The access token goes one way only.
 */
import * as api from "../api.js";
import { ApiError } from "../api.js";
import { ask, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { messageFor, seriesName } from "../messages.js";
import { choice, textField } from "./fields.js";
import { shortcutEditor } from "./shortcut_editor.js";

const TOKEN_KEPT = {
  keyring: "Kept in this computer's keyring. It is never shown again.",
  session: "Kept until Goobusters is closed. It is never shown again.",
  environment: "Set by whoever installed Goobusters.",
  none: "You get it from MD.ai or from whoever runs the server.",
};
const CACHE_SIZES_GB = [2, 5, 10, 20, 50, 100, 200];

/**
 * Keeps changed settings and tells the page. Also used by the first start.
 * @param {{store: object, report: (error: Error) => void}} app
 * @returns {Promise<boolean>} false when the core refused a value
 */
export async function keepSettings({ store, report }, changed) {
  try {
    const answer = await api.putSettings(changed);
    store.set({ settings: { ...store.get().settings, ...answer } });
    return true;
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "SETTING_INVALID")) report(error);
    return false;
  }
}

/** The fields for name, server and access. @param {object} app @param {object} settings as from GET /api/settings */
export function accountFields(app, settings) {
  const isFixed = (name) => (settings.fixed ?? []).includes(name);
  const editor = textField({
    label: "Your name", value: settings.editor ?? "", type: "email", autocomplete: "email", placeholder: "name@hospital.org", isFixed: isFixed("editor"),
    hint: "Your e-mail address. Colleagues see it beside what you saved.", wrong: "Please put in an e-mail address.",
  }, (value) => keepSettings(app, { editor: value }));
  const server = textField({
    label: "Server", value: settings.server_url ?? "", type: "url", placeholder: "https://…", isFixed: isFixed("server_url"),
    hint: "The address that whoever runs the server gave you.", wrong: "This is no address of a server. It begins with https://",
  }, (value) => keepSettings(app, { server_url: value }));
  const token = textField({
    label: "Access token", type: "password", placeholder: settings.has_token ? "•••••••• (set)" : "", isFixed: isFixed("token"), autocomplete: "new-password",
    hint: TOKEN_KEPT[settings.token_storage] ?? TOKEN_KEPT.none, wrong: "This cannot be a token. Please copy it anew.",
  }, async (value) => {
    const isKept = value === "" || (await keepSettings(app, { token: value }));
    if (isKept && value !== "") app.toast("Access token kept.", { key: "token" });
    return isKept;
  });
  return { editor, server, token };
}

/** @param {{store: object, work: object, flow: object, toast: Function, report: (error: Error) => void, isMac: boolean}} app */
export async function openSettings(app) {
  let settings;
  try {
    settings = await api.settings();
  } catch (error) {
    app.report(error);
    return;
  }
  const keep = (changed) => keepSettings(app, changed);
  const { editor, server, token } = accountFields(app, settings);
  const themes = [{ value: "system", label: "Like the system" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }];
  const hands = [{ value: "right", label: "Right-handed" }, { value: "left", label: "Left-handed" }];
  const dialog = openDialog("Settings", [
    part("You and the server", editor, server, token),
    part("Look", choice("Colours", themes, settings.theme, (theme) => keep({ theme })),
      choice("Layout", hands, settings.handedness, (handedness) => keep({ handedness }))),
    part("On this computer", ...storage(app, settings, () => dialog.close())),
    part("Extensions", extensions(app.store.get().session)),
    part("Keys", shortcutEditor(settings.shortcuts ?? {}, app.isMac, (shortcuts) => keep({ shortcuts }))),
  ], { class: "settings" });
}

function part(title, ...content) {
  return h("section.settings-part", {}, h("h3", {}, title), ...content);
}

function storage(app, settings, close) {
  const { series } = app.store.get();
  const sizes = [...new Set([...CACHE_SIZES_GB, settings.cache_limit_mb / 1000])].sort((a, b) => a - b);
  const select = h("select.text-field", { id: "cache-limit", onchange: () => keepSettings(app, { cache_limit_mb: Math.round(Number(select.value) * 1000) }) },
    ...sizes.map((size) => h("option", { value: String(size), selected: size * 1000 === settings.cache_limit_mb }, `${size} GB`)));
  const one = h("button.button", { type: "button", disabled: !series, onclick: () => purge(app, series, close) }, "Remove this exam");
  const all = h("button.button.danger", { type: "button", onclick: () => purge(app, null, close) }, "Remove all exams");
  return [
    h("div.field", {}, h("label", { for: "cache-limit" }, "Room for pictures"), select,
      h("p.quiet", {}, "When it is full, exams not opened for longest are removed first. They can be downloaded again.")),
    h("div.choices", {}, one, all, h("button.button", { type: "button", onclick: () => lookForExams(app) }, "Look for new exams")),
  ];
}

async function purge(app, series, close) {
  const what = series ? seriesName(series) : "all exams";
  const sure = await ask(`Remove ${what} from this computer?`, "Pictures and masks are removed here and can be downloaded again. What you have not saved yet is kept.",
    [{ value: "", label: "Keep" }, { value: "yes", label: "Remove", kind: "danger" }]);
  if (sure !== "yes") return;
  const key = series && { study_uid: series.study_uid, series_uid: series.series_uid };
  try {
    await app.work.close();
    app.store.set({ series: null, page: "closed", canEdit: false, unsaved: [] });
    const { kept_edits: kept } = await api.purgeCache(key);
    close();
    app.toast(kept > 0 ? "Removed. Your unsaved work was kept." : "Removed.", { key: "purge" });
  } catch (error) {
    app.report(error);
  }
}

/** Asks the core to bring the data set up to date. Also behind a button of the empty page. */
export async function lookForExams(app) {
  try {
    await api.refreshDataset();
    app.toast("Looking for new exams…", { key: "refresh" });
  } catch (error) {
    app.report(error);
  }
}

function extensions(session) {
  const plugins = session?.plugins ?? [];
  const failed = plugins.filter(({ state }) => state !== "on");
  const mode = session?.safe_mode ? " (safe mode: only what comes with Goobusters)" : "";
  if (failed.length === 0) return h("p.quiet", {}, `All ${plugins.length} parts of Goobusters are on${mode}.`);
  return h("ul.plain-list", {}, ...failed.map(({ name }) => h("li", {}, name, " ", h("span.chip", { "data-tone": "warn" }, messageFor("PLUGIN_FAILED").text))));
}
