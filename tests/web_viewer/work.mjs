// A series as tests need it: the viewer's own model, journal and editor over a base version made here.
import { webcrypto } from "node:crypto";
import { Editor } from "../../web_viewer/editor.js";
import { Journal } from "../../web_viewer/journal.js";
import { Masks } from "../../web_viewer/masks.js";
import { encode } from "../../web_viewer/rle.js";
import { Dirty, paintCapsule } from "../../web_viewer/tools/stroke.js";

globalThis.crypto ??= webcrypto; // browsers and newer versions of Node have it there; Debian 12's Node 18 does not

export const LABELS = ["L_main", "L_other"];
export const EMPTY = "L_empty";
export const SHAPE = { width: 24, height: 18, frameCount: 8, labels: LABELS, emptyId: EMPTY };

/** Frame 0 annotated in both labels, 5 verified empty, the rest tracked in the main label. */
export function fakeServer({ shift = 0, annotated = {} } = {}) {
  const pixels = (frame, offset) => {
    const bytes = new Uint8Array(SHAPE.width * SHAPE.height);
    const mask = { bytes, width: SHAPE.width, height: SHAPE.height };
    paintCapsule(mask, 6 + offset, 8, 3, 10 + frame + shift, 9, 4, 1, new Dirty());
    return encode(bytes, SHAPE.width, [0, 0, SHAPE.width, SHAPE.height]);
  };
  const runs = (frame, label) => annotated[frame] ?? pixels(frame, LABELS.indexOf(label));
  const frames = [];
  for (let frame = 0; frame < SHAPE.frameCount; frame++) {
    const filename = `frame_${String(frame + 1).padStart(6, "0")}.webp`;
    if (frame === 5) frames.push({ frame_number: 5, has_mask: false, is_annotation: true, label_id: EMPTY, filename: null });
    else if (frame === 0 || annotated[frame]) frames.push({ frame_number: frame, has_mask: true, is_annotation: true, label_id: LABELS[0], filename });
    else frames.push({ frame_number: frame, has_mask: true, is_annotation: false, label_id: null, tracks: LABELS[0], filename, confidence: 0.5 });
  }
  frames.push({ frame_number: 0, has_mask: true, is_annotation: true, label_id: LABELS[1], filename: "frame_000001.L_other.webp" });
  const fill = (masks) => {
    for (let frame = 0; frame < SHAPE.frameCount; frame++) {
      for (const label of LABELS) if (masks.missingFile(frame, label)) masks.setBaseRuns(frame, label, runs(frame, label));
    }
  };
  return { frames, fill, runs };
}

export function makeWork(server) {
  const masks = new Masks(SHAPE, server.frames);
  server.fill(masks);
  const journal = new Journal();
  const ops = [];
  const editor = new Editor(masks, journal, { onOp: (op) => ops.push(op), onPixels: () => {}, onKinds: () => {} });
  return { masks, journal, editor, ops };
}

/** Kind and pixels of every (frame, label). */
export function snapshot(masks) {
  const all = {};
  for (let frame = 0; frame < SHAPE.frameCount; frame++) {
    for (const label of LABELS) all[`${frame} ${label}`] = [masks.kind(frame, label), masks.runs(frame, label).join()];
    all[`${frame} empty`] = masks.kind(frame, EMPTY);
  }
  return all;
}

/** One action as a person might do it. */
export function applyRandom({ editor, masks }, random) {
  const dirty = new Dirty();
  const actions = [
    () => editor.show(random.below(SHAPE.frameCount)),
    () => editor.undo(),
    () => editor.redo(),
    () => editor.clear("clear", false),
    () => editor.clear("mark_empty", true),
    () => {
      const plane = editor.begin(random.pick(LABELS));
      plane.bytes.fill(0);
      editor.touch(0, 0, SHAPE.width, SHAPE.height);
      editor.cancel();
    },
    () => {
      const [from, label] = [random.below(SHAPE.frameCount), random.pick(LABELS)];
      editor.replace("copy_previous", [
        { frame_number: editor.frame, label_id: label, kind: "annotation", runs: masks.runs(from, label) },
        { frame_number: editor.frame, label_id: EMPTY, kind: "none", runs: null },
      ]);
    },
    () => {
      const frames = [random.below(SHAPE.frameCount), editor.frame];
      editor.replace("reset_frame", [...new Set(frames)].flatMap((frame) =>
        [...LABELS, EMPTY].map((label) => ({ frame_number: frame, label_id: label, ...masks.base(frame, label) }))));
    },
  ];
  const stroke = () => {
    const plane = editor.begin(random.pick(LABELS));
    let [x, y] = [random() * SHAPE.width, random() * SHAPE.height];
    for (let point = 0; point < 1 + random.below(4); point++) {
      const [nextX, nextY] = [x + 8 * random() - 4, y + 8 * random() - 4];
      dirty.reset();
      paintCapsule(plane, x, y, 2, nextX, nextY, 1 + 3 * random(), random.below(2), dirty);
      if (!dirty.isEmpty) editor.touch(dirty.left, dirty.top, dirty.right, dirty.bottom);
      [x, y] = [nextX, nextY];
    }
    editor.commit("brush");
  };
  if (random() < 0.45) stroke();
  else random.pick(actions)();
}
