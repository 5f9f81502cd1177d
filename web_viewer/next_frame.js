/**
 * Which frame is worth a person's look next? Called by the jump action. The same rule as tracking/next_frame.py.
 *
 * Pure. `frames` is one cell a frame as in timeline_model.js.
 */

const FADING = 0.6; // an annotation's support fades with its distance in frames to this power
const LEAST = 1e-9; // what an offer must be better by: less is rounding

/**
 * The frame whose annotation is expected to mend most doubt, or null when there is none to offer; on that frame itself the one
 * that would come after it, so that asking again moves on. Doubt is 1 - confidence; it is expected to fall as much as
 * `support` grows, on the frame itself wholly. So the least certain frame counts together with its neighbours, least where
 * annotations are near already. Of equals the first is offered.
 * @param {object[]} frames @param {number} from the frame at hand
 * @returns {number | null}
 */
export function nextFrame(frames, from) {
  const offered = mostMended(frames);
  if (offered === null || offered !== from) return offered;
  return mostMended(frames.map((cell, i) => (i === from ? { kind: "annotation" } : cell)));
}

function mostMended(frames) {
  const doubts = frames.map((cell) => (isVerified(cell) ? null : doubtOf(cell)));
  const fade = frames.map((_, distance) => distance ** -FADING);
  let best = -1;
  let offered = null;
  for (const stretch of stretchesOf(frames)) {
    for (let i = stretch.first; i <= stretch.last; i += 1) {
      if (doubts[i] === null) continue;
      const amount = mended(i, doubts, stretch, fade);
      if (amount > best + LEAST) [best, offered] = [amount, i];
    }
  }
  return offered;
}

function doubtOf({ confidence }) {
  return confidence === null || confidence === undefined ? null : 1 - confidence;
}

function isVerified(cell) {
  return cell.kind === "annotation" || cell.kind === "empty";
}

/** Runs of frames between verified ones: `{first, last, left, right}`, left and right null at the clip's ends. */
function stretchesOf(frames) {
  const verified = frames.flatMap((cell, i) => (isVerified(cell) ? [i] : []));
  const lefts = [null, ...verified];
  const rights = [...verified, null];
  return lefts.map((left, i) => ({ left, right: rights[i], first: (left ?? -1) + 1, last: (rights[i] ?? frames.length) - 1 }));
}

/** The doubt, summed over the stretch, that is expected to go when this frame is annotated. */
function mended(frame, doubts, { first, last, left, right }, fade) {
  // How well a frame is supported by the annotated frames next to it: by each the better, the nearer it is.
  const support = (i, before, after) => (before === null ? 0 : fade[i - before]) + (after === null ? 0 : fade[after - i]);
  let sum = doubts[frame];
  for (let i = first; i <= last; i += 1) {
    if (i === frame || doubts[i] === null) continue;
    const then = i < frame ? support(i, left, frame) : support(i, frame, right);
    sum += doubts[i] * (1 - support(i, left, right) / then);
  }
  return sum;
}
