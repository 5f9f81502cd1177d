/**
 * Which columns does the timeline draw, and where do its jumps lead? Called by the timeline and by the jump actions.
 *
 * Pure. A frame's cell is `{kind, confidence, area, is_unsaved}`: kind "none", "tracked", "annotation" or "empty";
 * confidence 0..1 or null; area in pixels or null while unknown. `frames` is one cell a frame, index = frame_number.
 */

const MIN_COLUMN = 3; // CSS px: narrower, and one annotated frame among hundreds is lost to the eye

const NO_CELL = Object.freeze({ kind: "none", confidence: null, area: null, is_unsaved: false });

/**
 * One cell a frame. Kinds are those of the whole frame, confidence and area those of one label type.
 * @param {import("./masks.js").Masks | null} masks null while none are known
 * @param {string} label @param {number[]} unsaved frames @param {number} frameCount
 * @returns {object[]}
 */
export function cellsOf(masks, label, unsaved, frameCount) {
  if (!masks) return new Array(frameCount).fill(NO_CELL);
  const isUnsaved = new Set(unsaved);
  return Array.from({ length: frameCount }, (_, frame) => {
    const kind = masks.frameKind(frame);
    const confidence = kind === "tracked" || kind === "none" ? masks.confidence(frame, label) : null;
    return { kind, confidence, area: masks.area(frame, label), is_unsaved: isUnsaved.has(frame) };
  });
}

/**
 * @param {object[]} frames
 * @param {number} width of the timeline, CSS px
 * @returns {object[]} columns from left to right, each `{x, width, first, last, kind, has_annotation, has_empty, confidence, area,
 *   is_unsaved}` for the frames first..last: kind is the strongest of them (annotation, empty, tracked, none),
 *   confidence the lowest and area the largest known one, else null
 */
export function columnsOf(frames, width) {
  const count = Math.max(1, Math.min(frames.length, Math.floor(width / MIN_COLUMN)));
  if (frames.length === 0) return [];
  return Array.from({ length: count }, (_, i) => {
    const first = Math.floor((i * frames.length) / count);
    const last = Math.floor(((i + 1) * frames.length) / count) - 1;
    return { x: (i * width) / count, width: width / count, first, last, ...summary(frames.slice(first, last + 1)) };
  });
}

function summary(cells) {
  const has = (kind) => cells.some((cell) => cell.kind === kind);
  const known = (name) => cells.map((cell) => cell[name]).filter((value) => value !== null && value !== undefined);
  const confidences = known("confidence");
  const areas = known("area");
  return {
    kind: ["annotation", "empty", "tracked"].find(has) ?? "none",
    has_annotation: has("annotation"),
    has_empty: has("empty"),
    confidence: confidences.length > 0 ? Math.min(...confidences) : null,
    area: areas.length > 0 ? Math.max(...areas) : null,
    is_unsaved: cells.some((cell) => cell.is_unsaved),
  };
}

/** The frame under a pointer at `x`, held inside the timeline. */
export function frameAt(x, width, frameCount) {
  return Math.min(frameCount - 1, Math.max(0, Math.floor((x / width) * frameCount)));
}

/** Where the playhead of a frame stands: the middle of its share of the width. */
export function positionOf(frame, width, frameCount) {
  return ((frame + 0.5) / frameCount) * width;
}

/** The next annotated or verified empty frame in `direction` (1 or -1), or null when there is none that way. */
export function nextAnnotation(frames, from, direction) {
  for (let i = from + direction; i >= 0 && i < frames.length; i += direction) {
    if (frames[i].kind === "annotation" || frames[i].kind === "empty") return i;
  }
  return null;
}

/** The next unsaved frame after `from`, going round past the end; null when no other frame is unsaved. */
export function nextUnsaved(frames, from) {
  for (let step = 1; step < frames.length; step += 1) {
    const i = (from + step) % frames.length;
    if (frames[i].is_unsaved) return i;
  }
  return null;
}
