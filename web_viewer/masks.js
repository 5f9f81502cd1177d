/**
 * Which mask does each (frame, label) have right now, and is it saved? The pure model behind canvas and timeline.
 *
 * A cell is one (frame, label). Its pixels are those of the base version, or what the last rebase kept, with the
 * journal's patches on top; they are worked out when somebody asks, because a long journal over large frames would
 * otherwise cost seconds at opening. Base pixels come late (a WebP has to be fetched): see `setBaseRuns`.
 */
import { area, decodeInto, encode, sameRuns } from "./rle.js";

/** @typedef {import("./rle.js").Box} Box */
/** @typedef {"none" | "tracked" | "annotation" | "empty"} Kind */
/** @typedef {{frame_number: number, label_id: string, kind_before: Kind, kind_after: Kind,
 *   bbox: Box | null, before: number[] | null, after: number[] | null}} Change */

export class Masks {
  /**
   * @param {{width: number, height: number, frameCount: number, labels: string[], emptyId: string}} shape
   *   labels: ids of the label types that have pixels, the main one first.
   * @param {object[]} entries `frames[]` of the base version's metadata (docs/contracts.md, archive entries)
   */
  constructor(shape, entries) {
    Object.assign(this, shape);
    this.size = shape.width * shape.height;
    this.frameBox = [0, 0, shape.width, shape.height];
    this.blank = [this.size];
    this.scratch = null;
    this.cells = new Map([...shape.labels, shape.emptyId].map((label) => [label, new Map()]));
    for (const entry of entries) this.#addBase(entry);
  }

  #addBase(entry) {
    const frame = entry.frame_number;
    if (!Number.isInteger(frame) || frame < 0 || frame >= this.frameCount) return;
    if (entry.is_annotation && entry.label_id === this.emptyId) {
      this.#cell(frame, this.emptyId).baseKind = this.#cell(frame, this.emptyId).kind = "empty";
      return;
    }
    const label = (entry.is_annotation ? entry.label_id : entry.tracks) || this.labels[0];
    if (!this.labels.includes(label)) return;
    const cell = this.#cell(frame, label);
    if (cell.baseKind === "annotation") return;
    if (!entry.is_annotation) cell.confidence = entry.confidence ?? null;
    if (!entry.has_mask || !entry.filename) return;
    cell.baseKind = cell.kind = entry.is_annotation ? "annotation" : "tracked";
    cell.filename = entry.filename;
    cell.baseRuns = null;
  }

  #cell(frame, label) {
    const column = this.cells.get(label);
    if (!column) throw new RangeError(`no label type ${label}`);
    let cell = column.get(frame);
    if (!cell) {
      const baseRuns = label === this.emptyId ? null : this.blank;
      cell = {
        kind: "none",
        baseKind: "none",
        filename: null,
        confidence: null,
        baseRuns,
        keptRuns: null,
        patches: [],
        runs: null,
        folded: null,
        area: null,
        areaOf: null,
        saved: null,
        isUnsaved: null,
      };
      column.set(frame, cell);
    }
    return cell;
  }

  /** @returns {Kind} */
  kind(frame, label) {
    return this.cells.get(label)?.get(frame)?.kind ?? "none";
  }

  /** 0..1 on frames that the server tracked, otherwise null. @returns {number | null} */
  confidence(frame, label) {
    return this.cells.get(label)?.get(frame)?.confidence ?? null;
  }

  /** File of the base version that has to be fetched before the pixels are known, or null. @returns {string | null} */
  missingFile(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    return cell && cell.filename && cell.baseRuns === null ? cell.filename : null;
  }

  /** @param {number[]} runs of the whole frame, from the base version's file */
  setBaseRuns(frame, label, runs) {
    const cell = this.#cell(frame, label);
    cell.baseRuns = runs;
    cell.folded = null;
    cell.isUnsaved = null;
  }

  /**
   * Run lengths of the whole frame as it looks now, or null while its base file is not there yet.
   * @returns {number[] | null}
   */
  runs(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    if (!cell) return this.blank;
    return this.#current(cell);
  }

  /** Goes on from the last time it was asked, so that the thousandth stroke on a frame costs what the first did. */
  #current(cell) {
    if (cell.runs !== null) return cell.runs;
    const { runs, count } = cell.folded ?? { runs: cell.keptRuns ?? cell.baseRuns, count: 0 };
    cell.runs = this.#fold(runs, cell.patches.slice(count));
    if (cell.runs) cell.folded = { runs: cell.runs, count: cell.patches.length };
    return cell.runs;
  }

  /** Number of set pixels (as they were before, while they are on their way), or null while unknown. @returns {number | null} */
  area(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    if (!cell || cell.kind === "none" || cell.kind === "empty") return 0;
    const runs = this.runs(frame, label);
    if (runs === null) return cell.area;
    if (cell.areaOf !== runs) Object.assign(cell, { area: area(runs), areaOf: runs });
    return cell.area;
  }

  /**
   * Takes over what the model before this one knows: its pixels where the base is the same, and otherwise, until new ones
   * come, its areas: the timeline does not fall flat meanwhile.
   * @param {Masks} earlier @param {boolean} isSameBase
   */
  follow(earlier, isSameBase) {
    for (const [label, column] of this.cells) {
      for (const [frame, cell] of column) {
        const filename = this.missingFile(frame, label);
        const known = filename && earlier.cells.get(label)?.get(frame);
        if (!known) continue;
        if (isSameBase && known.filename === filename && known.baseRuns) this.setBaseRuns(frame, label, known.baseRuns);
        else cell.area = earlier.area(frame, label) || null;
      }
    }
  }

  #fold(start, patches) {
    let first = patches.length;
    while (first > 0 && !this.#isWhole(patches[first - 1].bbox)) first--;
    if (first > 0) start = patches[first - 1].runs;
    if (!start) return null;
    if (first === patches.length) return start;
    this.scratch ??= new Uint8Array(this.size);
    decodeInto(start, this.scratch, this.width, this.frameBox);
    for (const patch of patches.slice(first)) decodeInto(patch.runs, this.scratch, this.width, patch.bbox);
    return encode(this.scratch, this.width, this.frameBox);
  }

  #isWhole(box) {
    return box[2] === this.width && box[3] === this.height;
  }

  /**
   * Applies one change of an op, forwards (`after`) or backwards (`before`).
   * @param {Change} change @param {"before" | "after"} side
   */
  apply(change, side) {
    if (!this.cells.has(change.label_id)) return;
    const cell = this.#cell(change.frame_number, change.label_id);
    cell.isUnsaved = null;
    cell.kind = side === "after" ? change.kind_after : change.kind_before;
    if (!change.bbox) return;
    const patch = { bbox: change.bbox, runs: change[side] };
    const isWhole = this.#isWhole(patch.bbox);
    cell.patches = isWhole ? [patch] : [...cell.patches, patch];
    if (isWhole) cell.folded = null;
    cell.runs = null;
  }

  /** What a rebase kept of one (frame, label): it hides the base version's own. */
  keep({ frame_number: frame, label_id: label, kind, mask }) {
    if (!this.cells.has(label)) return;
    const cell = this.#cell(frame, label);
    Object.assign(cell, {
      kind,
      keptRuns: mask ?? (label === this.emptyId ? null : this.blank),
      patches: [],
      runs: null,
      folded: null,
      isUnsaved: null,
    });
  }

  /** Everything as it is now counts as saved, until a new base says otherwise. */
  markSaved() {
    for (const column of this.cells.values()) {
      for (const cell of column.values()) {
        cell.isUnsaved = null;
        cell.saved = { kind: cell.kind, keptRuns: cell.keptRuns, patches: cell.patches };
      }
    }
  }

  /** Whether this (frame, label) says something else than what was last saved. @returns {boolean} */
  isUnsaved(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    if (!cell) return false;
    cell.isUnsaved ??= this.#differs(cell);
    return cell.isUnsaved;
  }

  #differs(cell) {
    const saved = cell.saved ?? { kind: cell.baseKind, keptRuns: null, patches: [] };
    const now = said(cell.kind);
    if (now !== said(saved.kind)) return true;
    const isSameObject = saved.keptRuns === cell.keptRuns && saved.patches.length === 0 && cell.patches.length === 0;
    if (now !== "annotation" || isSameObject || saved.patches === cell.patches) return false;
    saved.runs ??= this.#fold(saved.keptRuns ?? cell.baseRuns, saved.patches);
    const before = saved.runs;
    const after = this.#current(cell);
    return !before || !after || !sameRuns(before, after);
  }

  /** Whether anything here differs from the base version. @returns {boolean} */
  isChanged(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    return cell !== undefined && (cell.kind !== cell.baseKind || cell.patches.length > 0 || cell.keptRuns !== null);
  }

  /** Frames that differ from the base version, ascending. @returns {number[]} */
  changedFrames() {
    return this.#framesWhere((frame, label) => this.isChanged(frame, label));
  }

  /** What the base version has here; runs are null while its file is missing. @returns {{kind: Kind, runs: number[] | null}} */
  base(frame, label) {
    const cell = this.cells.get(label)?.get(frame);
    return cell ? { kind: cell.baseKind, runs: cell.baseRuns } : { kind: "none", runs: this.blank };
  }

  #framesWhere(test) {
    const frames = new Set();
    for (const [label, column] of this.cells)
      for (const frame of column.keys()) if (test(frame, label)) frames.add(frame);
    return [...frames].sort((a, b) => a - b);
  }

  /** Frames with something unsaved, ascending. @returns {number[]} */
  unsavedFrames() {
    return this.#framesWhere((frame, label) => this.isUnsaved(frame, label));
  }

  /** What a person sees of a whole frame: "empty" wins, then "annotation", then "tracked". @returns {Kind} */
  frameKind(frame) {
    if (this.kind(frame, this.emptyId) === "empty") return "empty";
    const kinds = this.labels.map((label) => this.kind(frame, label));
    return kinds.find((kind) => kind === "annotation") ?? kinds.find((kind) => kind === "tracked") ?? "none";
  }
}

function said(kind) {
  return kind === "annotation" || kind === "empty" ? kind : "none";
}
