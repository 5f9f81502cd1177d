/** Tools that act at once on the shown frame: holes, grow, shrink, smooth, copy, empty, clear, reset. */
import { fillHoles, grow, shrink, smooth } from "../morphology.js";

/** Applies a function of (bytes, width, height) to the chosen label's mask as one edit. */
function reshape(work, tool, change) {
  const mask = work.beginEdit();
  if (!mask) return false;
  mask.bytes.set(change(mask.bytes, mask.width, mask.height));
  work.editor.touch(0, 0, mask.width, mask.height);
  return work.editor.commit(tool);
}

/** One step of grow, shrink and smooth: a pixel on small pictures, three on large ones. */
function step(work) {
  return Math.max(1, Math.round(Math.max(work.masks.width, work.masks.height) / 640));
}

/** Makes the shown frame's mask the one of another frame. */
function copyFrom(work, tool, direction) {
  const { masks, editor } = work;
  const label = work.label();
  for (let frame = editor.frame + direction; frame >= 0 && frame < masks.frameCount; frame += direction) {
    const kind = masks.kind(frame, label);
    if (kind !== "annotation" && kind !== "tracked") continue;
    return work.withMasks([frame, editor.frame], () =>
      editor.replace(tool, [
        { frame_number: editor.frame, label_id: label, kind: "annotation", runs: masks.runs(frame, label) },
        { frame_number: editor.frame, label_id: masks.emptyId, kind: "none", runs: null },
      ]),
    );
  }
  return false;
}

/**
 * Whether a person said something about the shown frame. Clearing takes that back; where only the server's mask is,
 * clearing can but mean that there is nothing, or the mask would come back with the next save.
 */
function isVerified({ masks, editor }) {
  return ["annotation", "empty"].includes(masks.frameKind(editor.frame));
}

/** Puts frames back to what the server has, as one edit that can be undone. */
function reset(work, tool, frames) {
  const { masks, editor } = work;
  return work.withMasks(frames, () => {
    const cells = frames.flatMap((frame) =>
      [...masks.labels, masks.emptyId]
        .filter((label) => masks.isChanged(frame, label))
        .map((label) => ({ frame_number: frame, label_id: label, ...masks.base(frame, label) })),
    );
    return editor.replace(tool, cells);
  });
}

/** @type {Record<string, (work: object) => boolean | Promise<boolean>>} */
export const ACTIONS = {
  fill_holes: (work) => reshape(work, "fill_holes", fillHoles),
  grow: (work) => reshape(work, "grow", (bytes, width, height) => grow(bytes, width, height, step(work))),
  shrink: (work) => reshape(work, "shrink", (bytes, width, height) => shrink(bytes, width, height, step(work))),
  smooth: (work) => reshape(work, "smooth", (bytes, width, height) => smooth(bytes, width, height, 2 * step(work))),
  copy_previous: (work) => copyFrom(work, "copy_previous", -1),
  copy_next: (work) => copyFrom(work, "copy_next", 1),
  mark_empty: (work) => work.withMasks([work.editor.frame], () => work.editor.clear("mark_empty", true)),
  clear: (work) => work.withMasks([work.editor.frame], () => work.editor.clear("clear", !isVerified(work))),
  reset_frame: (work) => reset(work, "reset_frame", [work.editor.frame]),
  reset_series: (work) => reset(work, "reset_series", work.masks.changedFrames()),
};
