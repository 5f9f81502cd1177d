/**
 * How do pointers on the picture reach tools, zoom and brightness? Binds DOM events to gestures.js.
 *
 * Moves and releases are listened to on `window`: pen drags do not engage pointer capture in QtWebEngine.
 */
import { clamp, fit, keepInSight, pinch, toPicture, zoomAt } from "./geometry.js";
import { Gestures } from "./gestures.js";
import { Ring } from "./ring.js";
import { TOOLS } from "./tools/index.js";
import { dragged } from "./window_level.js";

const SMALLEST_RADIUS = 0.5;
const LARGEST_RADIUS = 300;

export class Stage {
  /**
   * @param {HTMLElement} element @param {HTMLElement} ring of the brush
   * @param {ReturnType<import("./store.js").createStore>} store
   * @param {import("./workspace.js").Workspace} work
   */
  constructor(element, ring, store, work) {
    Object.assign(this, { element, store, work, isSpaceDown: false, hasSpacePanned: false, isFitted: true });
    this.ring = new Ring(ring, store);
    this.origin = element.getBoundingClientRect();
    this.point = { x: 0, y: 0, pressure: 0, isPen: false, isAlt: false, scale: 1 };
    this.gestures = new Gestures(this.#hand(), () => ({
      isPanning: this.isSpaceDown || this.store.get().tool === "pan",
      isBrightness: this.store.get().tool === "window",
    }));
    this.#listen();
    store.watch(
      (now, was) => {
        if (now.hasClip === was.hasClip && (now.tool === was.tool || !TOOLS.has(now.tool))) return;
        for (const each of TOOLS.values()) each.drop?.(work);
      },
      "tool",
      "hasClip",
    );
  }

  get tool() {
    return TOOLS.get(this.store.get().tool) ?? null;
  }

  #hand() {
    const { store, work } = this;
    let from = null;
    let held = null; // the tool of this gesture, whatever key is pressed meanwhile
    let before = null; // the newest edit when it began
    let dab = null; // the edit that the last gesture of a brush made
    const panMove = (contact) => {
      this.hasSpacePanned = true;
      this.setPlace({
        scale: from.place.scale,
        x: from.place.x + contact.x - from.x,
        y: from.place.y + contact.y - from.y,
      });
    };
    return {
      drawStart: (contact, isErasing) => {
        store.set({ isPlaying: false });
        held = this.tool;
        before = work.newestEdit;
        held?.start(work, this.#toPoint(contact), isErasing);
      },
      drawMove: (contact) => held?.move(work, this.#toPoint(contact)),
      drawEnd: () => {
        held?.end(work);
        dab = held?.hasRing && work.newestEdit !== before ? work.newestEdit : null;
      },
      drawCancel: () => held?.cancel(work),
      panStart: (contact) => (from = { ...contact, place: this.place }),
      panMove,
      panEnd: () => {},
      pinchStart: (points) => (from = { points, place: this.place }),
      pinchMove: (points) => this.setPlace(pinch(from.place, from.points, points)),
      pinchEnd: () => {},
      brightnessStart: (contact) => (from = { ...contact, setting: store.get().brightness }),
      brightnessMove: (contact) =>
        store.set({ brightness: dragged(from.setting, contact.x - from.x, contact.y - from.y) }),
      brightnessEnd: () => {},
      doubleTap: (_contact, isDrawing) => {
        if (isDrawing && work.newestEdit !== before) return; // it closed an outline
        if (isDrawing && dab !== null && work.newestEdit === dab) work.step("undo");
        this.fit();
      },
      hold: (contact) => this.#pick(contact),
    };
  }

  #listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      document.activeElement?.blur();
      this.#measure();
      this.gestures.down(this.#contact(event));
      this.#followUntilUp();
    });
    window.addEventListener("pointermove", (event) => this.#onMove(event));
    window.addEventListener("pointerup", (event) => this.gestures.up(this.#contact(event)));
    window.addEventListener("pointercancel", (event) => this.gestures.cancel(this.#contact(event)));
    element.addEventListener("pointerleave", () => this.ring.hide());
    element.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    // Not pointerdown: in WebKitGTK a pen whose pointerdown was prevented sends nothing more.
    for (const name of ["mousedown", "contextmenu", "gesturestart", "gesturechange", "touchstart", "touchmove"]) {
      element.addEventListener(name, (event) => event.preventDefault(), { passive: false });
    }
    new ResizeObserver(() => this.onResize()).observe(element);
  }

  #followUntilUp() {
    if (this.timer) return;
    this.timer = setInterval(() => {
      this.gestures.tick(performance.now());
      if (this.gestures.action !== null) return;
      clearInterval(this.timer);
      this.timer = 0;
    }, 100);
  }

  #measure() {
    this.origin = this.element.getBoundingClientRect();
  }

  #contact(event) {
    return {
      type: event.pointerType || "mouse",
      id: event.pointerId,
      x: event.clientX - this.origin.left,
      y: event.clientY - this.origin.top,
      pressure: event.pressure,
      button: event.button,
      time: event.timeStamp,
      size: Math.max(event.width, event.height),
      isAlt: event.altKey,
      isPick: event.ctrlKey || event.metaKey,
    };
  }

  #onMove(event) {
    if (event.pointerType !== "touch") this.#moveRing(event);
    if (this.gestures.action === null) return;
    // All points since the last frame, so that fast strokes stay round.
    const events = this.gestures.action === "draw" ? (event.getCoalescedEvents?.() ?? []) : [];
    if (events.length > 1) for (const each of events) this.gestures.move(this.#contact(each));
    else this.gestures.move(this.#contact(event));
  }

  #toPoint(contact) {
    const { point } = this;
    const { x, y } = toPicture(this.place, contact.x, contact.y);
    Object.assign(point, {
      x,
      y,
      pressure: contact.pressure,
      isPen: contact.type === "pen",
      isAlt: contact.isAlt,
      scale: this.place.scale,
    });
    return point;
  }

  /** Wheel: frames. With Ctrl, ⌘ or a pinch on a trackpad: zoom. With Alt or Shift: size of the brush. */
  #onWheel(event) {
    event.preventDefault();
    this.#measure();
    const delta = event.deltaY || event.deltaX;
    const lines = event.deltaMode === 1 ? delta * 16 : delta;
    const isZoom = event.ctrlKey || event.metaKey;
    if (event.altKey || event.shiftKey) this.resizeBrush(lines < 0 ? 1.12 : 1 / 1.12);
    else if (isZoom)
      this.zoom(
        Math.exp(-lines * (event.ctrlKey && Math.abs(lines) < 50 ? 0.01 : 0.002)),
        event.clientX - this.origin.left,
        event.clientY - this.origin.top,
      );
    else this.#scroll(lines);
  }

  #scroll(lines) {
    this.scrolled = (this.scrolled ?? 0) + lines;
    const steps = Math.trunc(this.scrolled / 50);
    if (steps === 0) return;
    this.scrolled -= steps * 50;
    this.work.goTo(this.store.get().frame + Math.sign(steps) * Math.min(3, Math.abs(steps)));
  }

  #pick(contact) {
    const { x, y } = toPicture(this.place, contact.x, contact.y);
    this.work.pick(Math.floor(x), Math.floor(y));
  }

  // Zoom and pan.

  get place() {
    return this.work.canvas.place;
  }

  /** The part of the stage that no panel covers, in CSS pixels of the stage. */
  room() {
    const style = getComputedStyle(this.element);
    const inset = (side) => Number.parseFloat(style.getPropertyValue(`padding-${side}`)) || 0;
    const left = inset("left");
    const top = inset("top");
    return {
      left,
      top,
      width: Math.max(40, this.element.clientWidth - left - inset("right")),
      height: Math.max(40, this.element.clientHeight - top - inset("bottom")),
    };
  }

  setPlace(place) {
    const { manifest } = this.work;
    if (!manifest) return;
    this.isFitted = false;
    this.#apply(keepInSight(place, manifest, this.room()));
  }

  #apply(place) {
    this.work.canvas.setPlace(place);
    this.store.set({ place });
  }

  fit() {
    if (!this.work.manifest) return;
    this.#apply(fit(this.work.manifest, this.room()));
    this.isFitted = true;
  }

  /** @param {number} factor @param {number} [x] in CSS pixels of the stage; the middle without */
  zoom(factor, x = this.element.clientWidth / 2, y = this.element.clientHeight / 2) {
    this.setPlace(zoomAt(this.place, factor, x, y));
  }

  onResize() {
    this.#measure();
    this.work.canvas.resize();
    if (this.isFitted) this.fit();
    else if (this.work.manifest) this.setPlace(this.place);
  }

  /** The point of the picture in the middle of what is seen. @returns {{x: number, y: number}} */
  middle() {
    const room = this.room();
    const { x, y } = toPicture(this.place, room.left + room.width / 2, room.top + room.height / 2);
    return {
      x: clamp(Math.round(x), 0, this.work.manifest.width),
      y: clamp(Math.round(y), 0, this.work.manifest.height),
    };
  }

  /** Moves the picture as little as it takes to see a point of it. */
  bringIntoSight(x, y) {
    const room = this.room();
    const { scale } = this.place;
    const left = x * scale + this.place.x;
    const top = y * scale + this.place.y;
    const dx = clamp(left, room.left, room.left + room.width) - left;
    const dy = clamp(top, room.top, room.top + room.height) - top;
    if (dx !== 0 || dy !== 0) this.setPlace({ scale, x: this.place.x + dx, y: this.place.y + dy });
  }

  /** @param {number} factor of the brush's size */
  resizeBrush(factor) {
    const { brushRadius } = this.store.get();
    this.store.set({ brushRadius: clamp(brushRadius * factor, SMALLEST_RADIUS, LARGEST_RADIUS) });
  }

  #moveRing(event) {
    const isOver =
      event.target === this.element || this.element.contains(event.target) || this.gestures.action === "draw";
    const isShown = isOver && this.tool?.hasRing && this.store.get().canEdit && !this.isSpaceDown;
    this.ring.follow(event.clientX - this.origin.left, event.clientY - this.origin.top, isShown);
  }
}
