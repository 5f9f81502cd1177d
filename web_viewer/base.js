/** What does the core have of a series right now? Masks of the base version with all that was drawn since. For workspace.js. */
import * as api from "./api.js";
import { Journal } from "./journal.js";
import { maskTypes } from "./labels.js";
import { Masks } from "./masks.js";

/**
 * A fresh model. Pixels of the base version are fetched later (mask_loader.js).
 * @param {import("./api.js").SeriesKey} series @param {object} session as from GET /api/session
 * @param {{width: number, height: number, frame_count: number}} manifest
 * @returns {Promise<{masks: Masks, journal: Journal, version: string | null, stamp: string}>} stamp: as long as it is
 *   the same, so are the base version's pixels (masks of one version are made anew after an upgrade or a failure)
 */
export async function readBase(series, session, { width, height, frame_count: frameCount }) {
  const [metadata, record] = await Promise.all([api.maskMetadata(series), api.journal(series)]);
  const labels = maskTypes(session).map((type) => type.label_id);
  const masks = new Masks({ width, height, frameCount, labels, emptyId: session.empty_id }, metadata.frames ?? []);
  const journal = new Journal(record.ops, record.position ?? 0);
  journal.replay(masks);
  const version = metadata.version_id ?? null;
  return { masks, journal, version, stamp: JSON.stringify([version, metadata.generated_at]) };
}
