/**
 * What did people do to this series, and what can be undone? Pure; the rules are those of docs/contracts.md (Journal).
 *
 * A Journal is the list of ops as the core keeps it plus the ones that are still on their way there. `replay` brings
 * a fresh Masks model to the state of the last op; afterwards `edit`, `undo` and `redo` keep both in step.
 */

/** @typedef {import("./masks.js").Change} Change */
/** @typedef {{id: string, op: string, [key: string]: any}} Op */

/** A random version 4 UUID (crypto.randomUUID is missing on plain-http pages of some engines). @returns {string} */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Journal {
  /**
   * @param {Op[]} ops as the core has them
   * @param {number} position index of the first op that the base does not contain (used while no rebase says it)
   */
  constructor(ops = [], position = 0) {
    this.ops = [...ops];
    this.position = position;
    this.edits = new Map();
    this.applied = [];
    this.undone = [];
    for (const op of this.ops) this.#stack(op);
  }

  /** Moves the undo stack past one op. Returns whether the op follows its rules; one that does not changes nothing. */
  #stack(op) {
    if (op.op === "edit") {
      if (this.edits.has(op.id)) return false;
      this.edits.set(op.id, op);
      this.applied.push(op.id);
      this.undone.length = 0;
      return true;
    }
    const [from, to] =
      op.op === "undo" ? [this.applied, this.undone] : op.op === "redo" ? [this.undone, this.applied] : [];
    if (!from || from.length === 0 || from.at(-1) !== op.entry) return false;
    to.push(from.pop());
    return true;
  }

  /**
   * Brings a fresh model to the state after the last op.
   * @param {import("./masks.js").Masks} masks
   */
  replay(masks) {
    const rebaseAt = this.ops.findLastIndex((op) => op.op === "rebase");
    const acceptedAt = this.ops.findLastIndex((op) => op.op === "accepted");
    const start = rebaseAt < 0 ? this.position : rebaseAt + 1;
    const savedAt = acceptedAt > rebaseAt ? this.ops[acceptedAt].position : -1;
    for (const cell of rebaseAt < 0 ? [] : (this.ops[rebaseAt].keep ?? [])) masks.keep(cell);
    const stack = new Journal();
    this.ops.forEach((op, index) => {
      if (index === savedAt && index >= start) masks.markSaved();
      const isSound = stack.#stack(op);
      if (isSound && index >= start) applyOp(masks, op, this.edits);
    });
    if (savedAt >= this.ops.length) masks.markSaved();
  }

  /** Id of the edit that undo would take back, or null. @returns {string | null} */
  get newest() {
    return this.applied.at(-1) ?? null;
  }

  get canUndo() {
    return this.applied.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  /**
   * Adds an edit and applies it. @param {string} tool @param {Change[]} changes
   * @returns {Op}
   */
  edit(masks, tool, changes) {
    return this.#add(masks, { id: newId(), op: "edit", tool, changes });
  }

  /** Takes the newest applied edit back. @returns {Op | null} the op, null when there is nothing to undo */
  undo(masks) {
    return this.canUndo ? this.#add(masks, { id: newId(), op: "undo", entry: this.applied.at(-1) }) : null;
  }

  /** Brings the newest undone edit back. @returns {Op | null} */
  redo(masks) {
    return this.canRedo ? this.#add(masks, { id: newId(), op: "redo", entry: this.undone.at(-1) }) : null;
  }

  /** Takes over an op that was made on another copy of this journal. An op that is known changes nothing. */
  absorb(masks, op) {
    if (this.ops.some((known) => known.id === op.id)) return;
    this.ops.push(op);
    if (this.#stack(op)) applyOp(masks, op, this.edits);
  }

  #add(masks, op) {
    this.ops.push(op);
    this.#stack(op);
    applyOp(masks, op, this.edits);
    return op;
  }

  /** The changes that an op makes, newest op's view: what has to be drawn again. @param {Op} op @returns {Change[]} */
  changesOf(op) {
    return op.op === "edit" ? op.changes : (this.edits.get(op.entry)?.changes ?? []);
  }
}

function applyOp(masks, op, edits) {
  if (op.op === "edit") for (const change of op.changes) masks.apply(change, "after");
  if (op.op === "redo") for (const change of edits.get(op.entry).changes) masks.apply(change, "after");
  if (op.op === "undo") for (const change of [...edits.get(op.entry).changes].reverse()) masks.apply(change, "before");
}
