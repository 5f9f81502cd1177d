/**
 * Two people drew on the same frame: which masks count? Shows mine, theirs and the difference side by side.
 *
 * Nothing is chosen beforehand but "both": whoever just presses the button loses nothing.
 */
import * as api from "../api.js";
import { openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import { maskTypes } from "../labels.js";
import { maskBytes } from "../mask_loader.js";
import { ago } from "../messages.js";

const MINE = [46, 204, 113];
const THEIRS = [124, 179, 255];
const BOTH = [255, 255, 255];

/**
 * Colours of the difference picture: mine alone, theirs alone, both. Pure.
 * @param {Uint8Array | null} mine 0 or 1 a pixel @param {Uint8Array | null} theirs
 * @param {Uint8ClampedArray} rgba changed in place
 */
export function paintDifference(mine, theirs, rgba) {
  for (let at = 0; at < rgba.length / 4; at++) {
    const isMine = mine !== null && mine[at] === 1;
    const isTheirs = theirs !== null && theirs[at] === 1;
    const colour = isMine && isTheirs ? BOTH : isMine ? MINE : THEIRS;
    rgba[4 * at] = colour[0];
    rgba[4 * at + 1] = colour[1];
    rgba[4 * at + 2] = colour[2];
    rgba[4 * at + 3] = isMine || isTheirs ? (isMine && isTheirs ? 110 : 130) : 0;
  }
}

/**
 * @param {{store: object, work: object, toast: (text: string, options?: object) => void, report: (error: Error) => void}} app
 */
export async function openConflict({ store, work, toast, report }) {
  const { series } = store.get();
  try {
    const conflict = await api.conflict(series);
    if (conflict.frames.length === 0) return;
    const choices = new Map(conflict.frames.map((cell) => [cell, "both"]));
    const who = conflict.theirs?.editor ?? "A colleague";
    const when = conflict.theirs?.at ? ` ${ago(conflict.theirs.at)}` : "";
    const intro = h(
      "p",
      {},
      `${who} saved this exam${when}. You both drew on ${conflict.frames.length === 1 ? "one frame" : `${conflict.frames.length} frames`}; everything else has been joined.`,
    );
    const types = maskTypes(store.get().session);
    const titleOf = ({ frame_number: frame, label_id: label }) => {
      const type = types.length > 1 && types.find((each) => each.label_id === label);
      return type ? `Frame ${frame + 1}, ${type.name}` : `Frame ${frame + 1}`;
    };
    const cells = conflict.frames.map((cell) =>
      cellView(cell, titleOf(cell), work, series, (take) => choices.set(cell, take), report),
    );
    const dialog = openDialog("Two versions of the same frame", [intro, ...cells], {
      class: "wide",
      actions: [
        { value: "", label: "Decide later" },
        { value: "take", label: "Use these", kind: "main" },
      ],
    });
    if ((await dialog.closed) !== "take") {
      toast("Nothing was lost. Press Save when you want to decide.", { key: "conflict" });
      return;
    }
    const answer = [...choices].map(([{ frame_number, label_id }, take]) => ({ frame_number, label_id, take }));
    await api.resolveConflict(series, answer);
    await work.reload();
  } catch (error) {
    report(error);
  }
}

function cellView(cell, title, work, series, onChoice, report) {
  const { width, height } = work.manifest;
  const figure = (caption) => {
    const canvas = h("canvas", { width, height, role: "img", "aria-label": caption });
    return { canvas, element: h("figure", {}, canvas, h("figcaption", {}, caption)) };
  };
  const kind = (name) => (name === "empty" ? " – nothing there" : name === "none" ? " – no mask" : "");
  const mine = figure(`Mine${kind(cell.mine_kind)}`);
  const theirs = figure(`Theirs${kind(cell.theirs_kind)}`);
  const difference = figure("Difference: green mine, blue theirs, white both");
  const buttons = [
    ["mine", "Take mine"],
    ["theirs", "Take theirs"],
    ["both", "Join both"],
  ].map(([take, label]) =>
    h(
      "button.button",
      {
        type: "button",
        "aria-pressed": String(take === "both"),
        onclick: (event) => {
          onChoice(take);
          for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.currentTarget));
        },
      },
      label,
    ),
  );
  const pictures = h("div.pictures", { "aria-busy": "true" }, mine.element, theirs.element, difference.element);
  fillPictures(cell, series, work, [mine.canvas, theirs.canvas, difference.canvas])
    .catch(report)
    .then(() => pictures.removeAttribute("aria-busy"));
  return h(
    "section.decision",
    { "aria-label": title },
    h("h3", {}, title),
    pictures,
    h("div.choices", {}, ...buttons),
  );
}

async function fillPictures(cell, series, work, [mineCanvas, theirsCanvas, differenceCanvas]) {
  const { width, height, digest } = work.manifest;
  const [picture, mine, theirs] = await Promise.all([
    api.frame(series, cell.frame_number, digest).then((blob) => createImageBitmap(blob)),
    cell.mine ? api.blobAt(cell.mine).then((blob) => maskBytes(blob, width, height)) : null,
    cell.theirs ? api.blobAt(cell.theirs).then((blob) => maskBytes(blob, width, height)) : null,
  ]);
  const draw = (canvas, a, b) => {
    const context = canvas.getContext("2d");
    const image = new ImageData(width, height);
    paintDifference(a, b, image.data);
    const layer = h("canvas", { width, height });
    layer.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(picture, 0, 0, width, height);
    context.drawImage(layer, 0, 0);
  };
  draw(mineCanvas, mine, null);
  draw(theirsCanvas, null, theirs);
  draw(differenceCanvas, mine, theirs);
  picture.close();
}
