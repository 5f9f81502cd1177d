/**
 * Which series is open, and what of it is loaded? Brings together pictures, masks, journal and the core's news.
 *
 * The viewer never changes masks behind the journal's back: when the core has a new base version (after a retrack, a
 * restore or a merge), `#reload` reads metadata and journal again, replays them into a fresh model, fetches what the
 * shown frame needs and only then swaps, between two strokes. So new tracked masks arrive in place and nothing flickers.
 */
import * as api from "./api.js";
import { readBase } from "./base.js";
import { Decoders } from "./decoders.js";
import { Editor } from "./editor.js";
import { Frames } from "./frames.js";
import { Greys } from "./greys.js";
import { MaskLoader } from "./mask_loader.js";
import { Outbox } from "./outbox.js";
import { cellsOf } from "./timeline_model.js";

const AWAY_GRACE_MS = 5000; // after a sleep the connection is back sooner
const HAS_MASKS = new Set(["ready", "edited", "saved"]);

export class Workspace {
  /**
   * @param {ReturnType<import("./store.js").createStore>} store
   * @param {import("./canvas.js").Canvas} canvas
   * @param {{onError: (error: Error) => void, onOpened: () => void, onCells: () => void}} on onCells: kinds, areas or unsaved marks changed
   */
  constructor(store, canvas, on) {
    Object.assign(this, { store, canvas, on });
    this.lastFrames = new Map();
    this.heard = 0; // news of open series so far
    this.decoders = new Decoders();
    this.greys = new Greys(store);
    this.#forget();
  }

  #forget() {
    Object.assign(this, { frames: null, masks: null, journal: null, editor: null, loader: null, outbox: null });
    Object.assign(this, { manifest: null, baseVersion: undefined, stamp: "", isLoading: false, isReloadWanted: false });
  }

  /** Opens a series: pictures as soon as they are extracted, masks as soon as they are there. */
  async open(series) {
    await this.close();
    this.store.set({
      series,
      frame: this.lastFrames.get(series.series_uid) ?? 0,
      canEdit: false,
      hasClip: null,
      isPlaying: false,
      canUndo: false,
      canRedo: false,
      unsaved: [],
    });
    this.outbox = new Outbox(series, (...news) => this.#onOutbox(...news));
    this.on.onOpened();
    await this.#act(series, "open");
  }

  /** Leaves the open series. Ops that are still on their way are given a moment to get there. */
  async close() {
    const { series, frame } = this.store.get();
    if (series) this.lastFrames.set(series.series_uid, frame);
    this.endStroke();
    if (this.outbox) await Promise.race([this.outbox.flush(), new Promise((resolve) => setTimeout(resolve, 1500))]);
    if (this.outbox?.waiting.length === 0) this.outbox.close();
    this.canvas.clear();
    this.store.set({ hasPicture: false });
    this.frames?.close();
    this.loader?.close();
    this.#forget();
  }

  /** The core's answer is left out when news of this series came first: they may be newer, and what follows is told too. */
  async #act(series, action) {
    const { heard } = this;
    const local = await api.seriesAction(series, action);
    if (this.heard === heard) this.onSeries(local);
  }

  /** News of any series; those of the open one bring pictures, masks and saves forward. */
  onSeries(local) {
    const { series } = this.store.get();
    if (!local || !series || local.series_uid !== series.series_uid || local.study_uid !== series.study_uid) return;
    this.heard++;
    this.store.set({ series: local });
    if (local.manifest && !this.frames) this.#startFrames(local);
    if (!this.frames || !HAS_MASKS.has(local.state)) return;
    const base = local.base_version_id ?? null;
    const hasSaveMoved = series.save?.state !== local.save?.state;
    const areMasksBack = series.error_code !== null && local.error_code === null; // of the same version: it was tracked late
    if (this.baseVersion === base && !hasSaveMoved && !areMasksBack) return;
    this.baseVersion = base;
    this.reload();
  }

  /** So many ops are written by now; when this page knows of fewer, another one has drawn. */
  async onJournal({ study_uid: study, series_uid: uid, count }) {
    const { series } = this.store.get();
    if (!this.journal || series?.series_uid !== uid || series.study_uid !== study) return;
    await this.outbox.flush();
    if (this.journal && this.journal.ops.length < count) this.reload();
  }

  #startFrames(local) {
    this.manifest = local.manifest;
    const { width, height, frame_count: frameCount } = local.manifest;
    this.canvas.setSize(width, height);
    const onDecoded = (number) => number === this.store.get().frame && this.showPicture();
    const onError = (number, error) => number === this.store.get().frame && this.on.onError(error);
    this.frames = new Frames(local, local.manifest, this.decoders, onDecoded, onError);
    this.store.set({ frame: Math.min(this.store.get().frame, frameCount - 1), hasClip: local.series_uid });
    this.on.onOpened();
    this.lookAhead();
  }

  /** Reads base version and journal again. Calls while one is under way run once more afterwards. */
  async reload() {
    if (this.isLoading) {
      this.isReloadWanted = true;
      return;
    }
    this.isLoading = true;
    const { outbox } = this;
    try {
      do {
        this.isReloadWanted = false;
        await this.#reload(outbox);
      } while (this.isReloadWanted && outbox === this.outbox);
    } catch (error) {
      if (outbox === this.outbox) {
        this.baseVersion = undefined; // the next news tries again
        this.on.onError(error);
      }
    }
    if (outbox === this.outbox) this.isLoading = false;
  }

  async #reload(outbox) {
    const { series, session } = this.store.get();
    await outbox.flush();
    const written = this.journal?.ops.length ?? 0;
    const { masks, journal, version, stamp } = await readBase(series, session, this.manifest);
    if (this.masks) masks.follow(this.masks, stamp === this.stamp);
    const loader = new MaskLoader(
      series,
      version,
      masks,
      (frame, label) => this.#onMask(masks, frame, label),
      this.on.onError,
      () => this.isBusy(),
    );
    await this.#untilShownIsKnown(loader);
    if (outbox !== this.outbox) return loader.close();
    for (const op of this.journal?.ops.slice(written) ?? []) journal.absorb(masks, op);
    this.loader?.close();
    Object.assign(this, { masks, journal, loader, stamp });
    this.editor = new Editor(masks, journal, {
      onOp: (op) => this.outbox.add(op),
      onPixels: (left, top, right, bottom) => this.canvas.change(left, top, right, bottom),
      onKinds: () => this.#onKinds(),
    });
    this.editor.show(this.store.get().frame);
    this.#onKinds();
    this.store.set({ canEdit: true });
    loader.loadRest();
    this.#loadTouched();
  }

  /** Resolves between two strokes, when the new model knows the frame that is shown by then. */
  async #untilShownIsKnown(loader) {
    let known = -1;
    while (known !== this.store.get().frame || this.editor?.isDrawing) {
      const { frame } = this.store.get();
      if (known !== frame) await loader.ensure((known = frame));
      if (this.editor?.isDrawing) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #loadTouched() {
    for (const frame of this.masks.changedFrames()) await this.loader?.ensure(frame);
  }

  #onMask(masks, frame, label) {
    if (masks !== this.masks) return;
    if (this.editor.frame === frame && !this.editor.isDrawing) this.editor.refresh(label);
    if (this.masks.isChanged(frame, label)) this.#onKinds();
    else this.on.onCells();
  }

  #onKinds() {
    const { journal, masks } = this;
    this.#showKinds();
    this.store.set({ canUndo: journal.canUndo, canRedo: journal.canRedo });
    this.on.onCells();
    clearTimeout(this.unsavedTimer);
    this.unsavedTimer = setTimeout(() => masks === this.masks && this.#countUnsaved(), 0);
  }

  #showKinds() {
    this.showLayers();
    this.store.set({ cellsVersion: this.store.get().cellsVersion + 1 });
  }

  #countUnsaved() {
    const unsaved = this.masks.unsavedFrames();
    if (unsaved.join() !== this.store.get().unsaved.join()) this.store.set({ unsaved });
    this.on.onCells();
  }

  #onOutbox(waiting, error, isRefused) {
    this.store.set({ unsentOps: waiting });
    if (!error || error.code === "OFFLINE_CORE") return; // the top bar says that the core is away
    if (error.code === "NOT_OPEN") this.reopen().catch(this.on.onError);
    else this.on.onError(error);
    if (isRefused) this.reload();
  }

  /** Tells the core again that this series is open: it was started anew, or slept. */
  async reopen() {
    const { series } = this.store.get();
    if (!series) return;
    await this.#act(series, "open");
    this.lookAhead(); // what could not be had meanwhile
    await this.loader?.ensure(this.store.get().frame);
  }

  /** True while idle work had better wait. */
  isBusy() {
    return (
      this.store.get().isPlaying || (this.editor?.isDrawing ?? false) || performance.now() - (this.movedAt ?? 0) < 200
    );
  }

  /** Goes to another frame. @param {number} frame @param {number} [step] how many frames are left out while playing, and one */
  goTo(frame, step = 1) {
    if (!this.manifest) return;
    const before = this.store.get().frame;
    const next = Math.max(0, Math.min(this.manifest.frame_count - 1, Math.round(frame)));
    if (next === before) return;
    this.movedAt = performance.now();
    this.store.set({ frame: next });
    this.lookAhead(next > before ? 1 : -1, step);
    this.showPicture();
    this.editor?.show(next);
    this.showLayers();
    this.loader?.ensure(next);
  }

  /** Has the pictures decoded that come next. */
  lookAhead(direction = 1, step = 1) {
    const { frame, isPlaying, isLooping } = this.store.get();
    this.frames?.moveTo(frame, { direction, step, isPlaying, isLooping });
  }

  showPicture() {
    const bitmap = this.frames?.show(this.store.get().frame) ?? null;
    this.canvas.setPicture(bitmap);
    this.greys.setPicture(bitmap, this.manifest);
    this.store.set({ hasPicture: Boolean(this.canvas.bitmap), isPictureLate: bitmap === null });
  }

  /** Colours follow the kind: a person's mask has the label's colour, a tracked one its tracked colour until it is touched. */
  showLayers() {
    if (!this.editor) return;
    const { session, opacity, isOutlineOnly, areMasksHidden, frame } = this.store.get();
    const types = new Map(session.label_types.map((type) => [type.label_id, type]));
    const layers = [...this.editor.planes]
      .filter(() => !areMasksHidden)
      .map(([label, { bytes }]) => {
        const type = types.get(label);
        const isTracked = this.masks.kind(frame, label) === "tracked" && this.editor.label !== label;
        return { bytes, colour: isTracked ? type.tracked_colour : type.colour };
      });
    this.canvas.setLayers(layers, opacity, isOutlineOnly);
  }

  /** One cell a frame for the timeline. @returns {object[]} */
  cells() {
    return cellsOf(this.masks, this.label(), this.store.get().unsaved, this.manifest?.frame_count ?? 0);
  }

  /** Chooses the label type whose mask lies under a pixel. */
  pick(x, y) {
    if (!this.editor || x < 0 || y < 0 || x >= this.masks.width || y >= this.masks.height) return;
    const found = [...this.editor.planes].reverse().find(([, { bytes }]) => bytes[y * this.masks.width + x] === 1);
    if (found) this.store.set({ label: found[0] });
    this.greys.pick(x, y);
  }

  // What tools ask of the work.

  label() {
    return this.store.get().label ?? this.store.get().session?.label_id;
  }

  brushRadius() {
    return this.store.get().brushRadius;
  }

  /** Starts an edit of the chosen label; null when nothing can be edited now, or the frame's picture is not on the screen. */
  beginEdit() {
    const { canEdit, isPictureLate, awaySince } = this.store.get();
    if (!canEdit || isPictureLate) return null;
    if (awaySince !== null && performance.now() - awaySince > AWAY_GRACE_MS) {
      this.on.onError(new api.ApiError("OFFLINE_CORE", 0)); // nobody would write these strokes down
      return null;
    }
    const plane = this.editor.begin(this.label());
    if (plane && this.masks.kind(this.store.get().frame, this.label()) !== "annotation") this.#showKinds();
    return plane;
  }

  /** The grey range that limits painting, or null. @returns {{grey: Uint8Array, low: number, high: number} | null} */
  greyLimit() {
    return this.greys.limit();
  }

  toggleThreshold() {
    this.greys.toggle(this.editor?.planes.get(this.label()).bytes ?? null);
  }

  sketch(sketch) {
    this.canvas.setSketch(sketch);
  }

  /** Runs `action` at once when the masks of these frames are known, otherwise as soon as they are; never without them. */
  withMasks(frames, action) {
    const { masks, loader } = this;
    const areKnown = () => frames.every((frame) => masks.labels.every((label) => !masks.missingFile(frame, label)));
    if (areKnown()) return action();
    return Promise.all(frames.map((frame) => loader.ensure(frame))).then(
      () => masks === this.masks && areKnown() && action(),
    );
  }

  /** Keeps what the hand has drawn so far; what it still does belongs to nothing. */
  endStroke() {
    if (this.editor?.isDrawing) this.editor.commit("brush");
  }

  /** Id of the edit that undo would take back, or null. @returns {string | null} */
  get newestEdit() {
    return this.journal?.newest ?? null;
  }

  /** Takes back or brings back, and goes to the frame where that happened. @param {"undo" | "redo"} way */
  step(way) {
    if (!this.editor) return;
    const frame = this.editor[way]();
    if (frame !== null) this.goTo(frame);
  }

  async save() {
    const { series } = this.store.get();
    this.endStroke();
    await this.outbox.flush();
    await this.#act(series, "save");
  }
}
