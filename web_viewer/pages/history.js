/** What was saved before, by whom, and can it come back? Versions with a preview of every frame that a person drew on. */
import * as api from "../api.js";
import { ask, openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { compose, layerColours } from "../mask_layer.js";
import { ago, seriesName } from "../messages.js";
import { maskBytes } from "../mask_loader.js";

/**
 * What a version says of each frame that a person touched, ascending. Pure.
 * @param {object} metadata of the version @param {string} emptyId
 * @returns {{frame_number: number, is_empty: boolean, masks: {label_id: string, filename: string}[]}[]}
 */
export function annotatedFrames(metadata, emptyId) {
  const frames = new Map();
  for (const entry of metadata.frames ?? metadata.annotations ?? []) {
    if (entry.is_annotation === false || !entry.label_id) continue;
    const frame = frames.get(entry.frame_number) ?? { frame_number: entry.frame_number, is_empty: false, masks: [] };
    frames.set(entry.frame_number, frame);
    if (entry.label_id === emptyId) frame.is_empty = true;
    else if (entry.filename) frame.masks.push({ label_id: entry.label_id, filename: entry.filename });
  }
  return [...frames.values()].sort((a, b) => a.frame_number - b.frame_number);
}

/** @param {{store: object, work: object, toast: Function, report: (error: Error) => void}} app */
export async function openHistory(app) {
  const { series } = app.store.get();
  if (!series || !app.work.manifest) return;
  const list = h("div.version-list", { role: "group", "aria-label": "Versions", "aria-busy": "true" }, h("p.quiet", {}, "Loading…"));
  const preview = h("div.version-preview", {}, h("p.quiet", {}, "Choose a version to look at it."));
  const dialog = openDialog(`Earlier versions of ${seriesName(series)}`, [h("div.versions", {}, list, preview)], { class: "wide" });
  try {
    const versions = await api.history(series);
    const isCurrent = (version) => version === versions[0]; // newest first
    const show = (version, button) => {
      for (const other of list.children) other.setAttribute("aria-pressed", String(other === button));
      showVersion(app, series, version, isCurrent(version), preview, dialog.close).catch((error) => {
        app.report(error);
        if (preview.dataset.version !== version.version_id) return;
        preview.replaceChildren(h("p.quiet", {}, "This version cannot be shown right now."));
        preview.removeAttribute("aria-busy");
      });
    };
    list.replaceChildren(...versions.map((version) => versionRow(version, isCurrent(version), show)));
    if (versions.length > 0) list.firstElementChild.click();
    else list.parentElement.replaceWith(h("p", {}, "Nobody has saved this exam yet. What came with the data set is shown in the viewer."));
  } catch (error) {
    list.replaceChildren(h("p.quiet", {}, "The list is not to be had right now. It needs the server."));
    app.report(error);
  }
  list.removeAttribute("aria-busy");
}

function versionRow(version, isCurrent, show) {
  const count = version.annotation_count === 1 ? "1 annotation" : `${version.annotation_count ?? 0} annotations`;
  const isUntracked = version.tracked === false && !version.is_original;
  const facts = [count, isCurrent ? "current" : null, isUntracked ? "not tracked" : null].filter(Boolean).join(" · ");
  const when = new Date(version.at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return h("button.exam-row", { type: "button", "aria-pressed": "false", onclick: (event) => show(version, event.currentTarget) },
    h("span", {}, h("b", {}, version.is_original ? "From the data set" : version.editor ?? "Somebody"), h("br"), h("span.quiet", {}, `${when}, ${ago(version.at)}`), h("br"), h("span.quiet", {}, facts)));
}

async function showVersion(app, series, version, isCurrent, place, close) {
  const { session } = app.store.get();
  const ticket = (place.dataset.version = version.version_id);
  place.replaceChildren(h("p.quiet", {}, "Loading…"));
  place.setAttribute("aria-busy", "true");
  const metadata = await api.historyMetadata(series, version.version_id);
  if (place.dataset.version !== ticket) return;
  const frames = annotatedFrames(metadata, session.empty_id);
  const { width, height } = app.work.manifest;
  const canvas = h("canvas", { width, height, role: "img", "aria-label": "Picture with the masks of this version" });
  const caption = h("output", {}, "");
  const slider = h("input", { type: "range", min: "0", max: String(Math.max(0, frames.length - 1)), value: "0", "aria-label": "Annotated frame", oninput: () => draw() });
  const draw = () => drawFrame(app, series, version, frames[Number(slider.value)], canvas, caption).catch(app.report);
  const restore = h("button.button.main", { type: "button", disabled: isCurrent || session.server.state !== "ok", onclick: () => restoreVersion(app, series, version, close) }, "Bring this version back");
  const pictures = frames.length > 0 ? [canvas, h("div.field-row", {}, slider, caption)] : [h("p.quiet", {}, "This version has no annotations.")];
  place.replaceChildren(...pictures, h("div.choices", {}, restore));
  if (frames.length > 0) await draw();
  if (place.dataset.version === ticket) place.removeAttribute("aria-busy");
}

async function drawFrame({ store, work, report }, series, version, frame, canvas, caption) {
  const { width, height, digest } = work.manifest;
  const ticket = (canvas.dataset.frame = String(frame.frame_number));
  caption.textContent = `Frame ${frame.frame_number + 1}${frame.is_empty ? ", verified empty" : ""}`;
  const types = new Map(store.get().session.label_types.map((type) => [type.label_id, type]));
  const picture = api.frame(series, frame.frame_number, digest).then((blob) => createImageBitmap(blob)).catch((error) => (report(error), null));
  const layers = Promise.all(frame.masks.map(async ({ label_id, filename }) => ({
    bytes: await maskBytes(await api.historyFile(series, version.version_id, filename), width, height),
    ...layerColours(types.get(label_id)?.colour ?? "#2ecc71", 0.45, false),
  })));
  const [bitmap, masks] = [await picture, await layers];
  if (canvas.dataset.frame !== ticket) return;
  const image = new ImageData(width, height);
  compose(new Uint32Array(image.data.buffer), width, height, [0, 0, width, height], masks, Math.max(1, Math.round(width / 500)));
  const overlay = h("canvas", { width, height });
  overlay.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  if (bitmap) context.drawImage(bitmap, 0, 0, width, height);
  context.drawImage(overlay, 0, 0);
  bitmap?.close();
}

async function restoreVersion({ store, toast, report }, series, version, close) {
  if (store.get().unsaved.length > 0) {
    toast({ code: "UNSAVED_EDITS" }, { key: "restore" });
    return;
  }
  const sure = await ask("Bring this version back?", "It becomes the newest version; all others stay in this list.",
    [{ value: "", label: "Leave it" }, { value: "yes", label: "Bring it back", kind: "main" }]);
  if (sure !== "yes") return;
  try {
    await api.restore(series, version.version_id);
    close();
    toast("The version is back. Its masks are on their way.", { key: "restore" });
  } catch (error) {
    report(error);
  }
}
