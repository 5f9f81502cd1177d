/**
 * How does drawing on the shown frame become an op? Holds the pixels of one frame as bytes while a person works on it.
 *
 * A tool calls `begin`, changes `mask.bytes` and reports the box with `touch`, and ends with `commit` or `cancel`.
 * `commit` compares with the copy made at `begin`, so that an op holds exactly what changed.
 */
import { decodeInto, differenceBox, encode } from "./rle.js";
import { Dirty } from "./tools/stroke.js";

export class Editor {
  /**
   * @param {import("./masks.js").Masks} masks
   * @param {import("./journal.js").Journal} journal
   * @param {{onOp: (op: object) => void, onPixels: (left: number, top: number, right: number, bottom: number) => void, onKinds: () => void}} on
   */
  constructor(masks, journal, on) {
    Object.assign(this, { masks, journal, on });
    const { size, width, height, labels } = masks;
    /** @type {Map<string, {bytes: Uint8Array, width: number, height: number, isKnown: boolean}>} one per label type */
    this.planes = new Map(labels.map((id) => [id, { bytes: new Uint8Array(size), width, height, isKnown: false }]));
    this.before = new Uint8Array(size);
    this.dirty = new Dirty();
    this.frame = -1;
    this.label = null;
  }

  get isDrawing() {
    return this.label !== null;
  }

  /** Shows another frame; an unfinished stroke is kept as it is. */
  show(frame) {
    if (this.isDrawing) this.commit("brush");
    this.frame = frame;
    for (const label of this.planes.keys()) this.refresh(label);
  }

  /** Takes the pixels of one label from the model again. */
  refresh(label) {
    const plane = this.planes.get(label);
    const runs = this.masks.runs(this.frame, label);
    plane.isKnown = runs !== null;
    if (runs) decodeInto(runs, plane.bytes, plane.width, this.masks.frameBox);
    else plane.bytes.fill(0);
    this.#redraw();
  }

  /**
   * Starts changing one label of the shown frame.
   * @returns {{bytes: Uint8Array, width: number, height: number} | null} null while its pixels are still on their way
   */
  begin(label) {
    if (this.isDrawing) this.commit("brush");
    const plane = this.planes.get(label);
    if (!plane?.isKnown) return null;
    this.before.set(plane.bytes);
    this.dirty.reset();
    this.label = label;
    return plane;
  }

  /** Reports that pixels inside these borders (right and bottom exclusive) may have changed. */
  touch(left, top, right, bottom) {
    this.dirty.add(left, top, right, bottom);
    this.on.onPixels(left, top, right, bottom);
  }

  #redraw() {
    this.on.onPixels(0, 0, this.masks.width, this.masks.height);
  }

  /** Takes everything since `begin` back. */
  cancel() {
    if (!this.isDrawing) return;
    this.planes.get(this.label).bytes.set(this.before);
    this.label = null;
    this.#redraw();
    this.on.onKinds();
  }

  /** Makes one op of everything since `begin`. @param {string} tool @returns {boolean} whether anything changed */
  commit(tool) {
    const { label, frame, masks } = this;
    if (label === null) return false;
    this.label = null;
    const { bytes, width } = this.planes.get(label);
    const box = this.dirty.isEmpty ? null : differenceBox(this.before, bytes, width, this.dirty.box());
    if (!box) {
      this.on.onKinds();
      return false;
    }
    const isBlank = bytes.indexOf(1) < 0;
    const isOthersBlank = masks.labels.every((other) => other === label || masks.kind(frame, other) === "none");
    const kind = isBlank ? (isOthersBlank ? "none" : "annotation") : "annotation";
    const changes = [this.#change(label, kind, box, this.before, bytes)];
    // Erasing the last pixel of a frame says: there is nothing here. Drawing on an empty frame says the opposite.
    if (isBlank && isOthersBlank) changes.push(...this.#emptyMark(true));
    else changes.push(...this.#emptyMark(false));
    const op = this.journal.edit(masks, tool, changes);
    if (changes[0].kind_before !== changes[0].kind_after) this.#redraw();
    this.on.onOp(op);
    this.on.onKinds();
    return true;
  }

  /**
   * One (frame, label)'s change. A change of kind carries the whole frame: a tracked mask may come back different from
   * the next retrack, and redo must not mix the two.
   */
  #change(label, kind, box, before, after) {
    const kindBefore = this.masks.kind(this.frame, label);
    const { width, frameBox } = this.masks;
    const bbox = kindBefore === kind ? box : frameBox;
    return {
      frame_number: this.frame,
      label_id: label,
      kind_before: kindBefore,
      kind_after: kind,
      bbox,
      before: encode(before, width, bbox),
      after: encode(after, width, bbox),
    };
  }

  #emptyMark(isEmpty) {
    const { masks, frame } = this;
    const before = masks.kind(frame, masks.emptyId);
    const after = isEmpty ? "empty" : "none";
    if (before === after) return [];
    return [
      {
        frame_number: frame,
        label_id: masks.emptyId,
        kind_before: before,
        kind_after: after,
        bbox: null,
        before: null,
        after: null,
      },
    ];
  }

  /** Clears every label of the shown frame; with `isEmpty` a person verifies that there is nothing. */
  clear(tool, isEmpty) {
    const { masks, frame } = this;
    if (this.isDrawing) this.commit("brush");
    if ([...this.planes.values()].some((plane) => !plane.isKnown)) return false;
    const changes = masks.labels
      .filter((label) => masks.kind(frame, label) !== "none")
      .map((label) => this.#wholeChange(frame, label, "none", masks.blank));
    changes.push(...this.#emptyMark(isEmpty));
    if (changes.length === 0) return false;
    this.#add(tool, changes);
    return true;
  }

  #wholeChange(frame, label, kind, runs) {
    const { masks } = this;
    return {
      frame_number: frame,
      label_id: label,
      kind_before: masks.kind(frame, label),
      kind_after: kind,
      bbox: masks.frameBox,
      before: masks.runs(frame, label),
      after: runs,
    };
  }

  /**
   * Makes these (frame, label)s what `cells` says, as one op. Used for copying, resetting and restoring.
   * @param {{frame_number: number, label_id: string, kind: string, runs: number[] | null}[]} cells
   */
  replace(tool, cells) {
    if (this.isDrawing) this.commit("brush");
    const isChange = ({ frame_number, label_id, kind }) =>
      label_id !== this.masks.emptyId || this.masks.kind(frame_number, label_id) !== kind;
    const changes = cells
      .filter(isChange)
      .map(({ frame_number: frame, label_id: label, kind, runs }) =>
        label === this.masks.emptyId
          ? {
              frame_number: frame,
              label_id: label,
              kind_before: this.masks.kind(frame, label),
              kind_after: kind,
              bbox: null,
              before: null,
              after: null,
            }
          : this.#wholeChange(frame, label, kind, runs ?? this.masks.blank),
      );
    if (changes.length === 0) return false;
    this.#add(tool, changes);
    return true;
  }

  #add(tool, changes) {
    this.#finish(this.journal.edit(this.masks, tool, changes));
  }

  /** @returns {number | null} the frame that was changed, so that the viewer can go there; null: nothing to undo */
  undo() {
    if (this.isDrawing) this.commit("brush");
    return this.#finish(this.journal.undo(this.masks));
  }

  /** @returns {number | null} */
  redo() {
    if (this.isDrawing) this.commit("brush");
    return this.#finish(this.journal.redo(this.masks));
  }

  #finish(op) {
    if (!op) return null;
    const changes = this.journal.changesOf(op);
    for (const label of new Set(
      changes.filter((change) => change.frame_number === this.frame).map((change) => change.label_id),
    )) {
      if (this.planes.has(label)) this.refresh(label);
    }
    this.on.onOp(op);
    this.on.onKinds();
    return changes.some((change) => change.frame_number === this.frame) ? this.frame : changes[0].frame_number;
  }
}
