/**
 * How do picture, masks and the tool's sketch get onto the screen?
 *
 * Two canvases fill the stage: the picture below (brightness is a filter on it), masks above. Masks are coloured into a
 * raster of the clip's own size, only where they changed, and only that part of the screen is drawn again.
 */
import { compose, layerColours } from "./mask_layer.js";
import { cssFilter } from "./window_level.js";

const SHARP_FROM = 3; // from this zoom on, pixels are shown as squares

export class Canvas {
  /**
   * @param {HTMLElement} stage holds both canvases
   * @param {HTMLCanvasElement} picture @param {HTMLCanvasElement} overlay
   */
  constructor(stage, picture, overlay) {
    Object.assign(this, { stage, picture, overlay });
    this.pictureContext = picture.getContext("2d", { alpha: false });
    this.overlayContext = overlay.getContext("2d");
    this.raster = document.createElement("canvas");
    this.rasterContext = this.raster.getContext("2d");
    this.place = { scale: 1, x: 0, y: 0 };
    this.ratio = 1;
    this.bitmap = null;
    this.layers = [];
    this.sketch = null;
    this.isRequested = false;
    this.isPictureStale = true;
    this.isOverlayStale = true;
    this.isQuick = false;
    this.shownRows = [0, 0];
    this.changed = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
  }

  /** A clip of another size. */
  setSize(width, height) {
    this.width = this.raster.width = width;
    this.height = this.raster.height = height;
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.thickness = Math.max(1, Math.round(Math.max(width, height) / 700));
    this.shownRows = [0, 0];
    this.bitmap = null;
    this.invalidate();
  }

  /** No clip: lets go of the picture and the masks. */
  clear() {
    this.bitmap = null;
    this.layers = [];
    this.sketch = null;
    if (this.pixels) this.#grow(0, 0, this.width, this.height);
    this.invalidate();
  }

  /** Fits both canvases to the stage's size on the screen. */
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.max(1, Math.round(this.stage.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.stage.clientHeight * ratio));
    if (this.picture.width === width && this.picture.height === height && this.ratio === ratio) return;
    this.ratio = ratio;
    for (const canvas of [this.picture, this.overlay]) {
      canvas.width = width;
      canvas.height = height;
    }
    this.invalidate();
  }

  invalidate() {
    this.isPictureStale = this.isOverlayStale = true;
    this.request();
  }

  setPlace(place) {
    this.place = place;
    this.invalidate();
  }

  /** @param {ImageBitmap | null} bitmap null keeps the last one: nothing flickers while a frame is decoded */
  setPicture(bitmap) {
    if (!bitmap || bitmap === this.bitmap) return;
    this.bitmap = bitmap;
    this.isPictureStale = true;
    this.request();
  }

  /** While a clip plays, pictures are scaled in the quicker way; the one that stays is drawn again in the better one. */
  setQuick(isQuick) {
    this.isQuick = isQuick;
    this.isPictureStale = true;
    this.request();
  }

  setBrightness(setting) {
    this.picture.style.filter = cssFilter(setting);
  }

  /**
   * Which masks lie over the picture, the lowest first.
   * @param {{bytes: Uint8Array, colour: string}[]} masks @param {number} opacity @param {boolean} isOutlineOnly
   */
  setLayers(masks, opacity, isOutlineOnly) {
    this.layers = masks.map(({ bytes, colour }) => ({ bytes, ...layerColours(colour, opacity, isOutlineOnly) }));
    this.changeRows();
  }

  /** Every row that holds or held a mask is coloured again. */
  changeRows() {
    if (!this.pixels) return;
    let top = Infinity;
    let bottom = 0;
    for (const { bytes } of this.layers) {
      const first = bytes.indexOf(1);
      if (first < 0) continue;
      top = Math.min(top, Math.floor(first / this.width));
      bottom = Math.max(bottom, Math.floor(bytes.lastIndexOf(1) / this.width) + 1);
    }
    const from = Math.min(top, this.shownRows[0]);
    const to = Math.max(bottom, this.shownRows[1]);
    this.shownRows = [Math.min(top, bottom), bottom];
    if (from < to) this.#grow(0, from, this.width, to);
    this.isOverlayStale = true;
    this.request();
  }

  /** Mask pixels inside these borders changed; right and bottom are exclusive. Allocates nothing. */
  change(left, top, right, bottom) {
    if (right - left === this.width && bottom - top === this.height) {
      this.changeRows();
      return;
    }
    const edge = this.thickness;
    this.#grow(left - edge, top - edge, right + edge, bottom + edge);
    this.shownRows[0] = Math.min(this.shownRows[0], top);
    this.shownRows[1] = Math.max(this.shownRows[1], bottom);
    this.request();
  }

  #grow(left, top, right, bottom) {
    const { changed } = this;
    changed.left = Math.max(0, Math.min(changed.left, left));
    changed.top = Math.max(0, Math.min(changed.top, top));
    changed.right = Math.min(this.width, Math.max(changed.right, right));
    changed.bottom = Math.min(this.height, Math.max(changed.bottom, bottom));
  }

  /** Lines that a tool has not finished, in pixels of the picture. @param {{points: number[], isClosed: boolean} | null} sketch */
  setSketch(sketch) {
    this.sketch = sketch;
    this.isOverlayStale = true;
    this.request();
  }

  request() {
    if (this.isRequested) return;
    this.isRequested = true;
    requestAnimationFrame(() => {
      this.isRequested = false;
      this.draw();
    });
  }

  /** Draws what is stale, now. */
  draw() {
    if (!this.pixels) return;
    const { changed } = this;
    const hasChange = changed.left < changed.right && changed.top < changed.bottom;
    if (hasChange) this.#colour(changed);
    if (this.isPictureStale) this.#drawPicture();
    if (this.isOverlayStale) this.#drawOverlay(0, 0, this.overlay.width, this.overlay.height);
    else if (hasChange) this.#drawChanged(changed);
    changed.left = changed.top = Infinity;
    changed.right = changed.bottom = 0;
    this.isPictureStale = this.isOverlayStale = false;
  }

  #colour({ left, top, right, bottom }) {
    compose(this.pixels, this.width, this.height, [left, top, right - left, bottom - top], this.layers, this.thickness);
    this.rasterContext.putImageData(this.image, 0, 0, left, top, right - left, bottom - top);
  }

  #transform(context) {
    const { scale, x, y } = this.place;
    const { ratio } = this;
    context.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio);
    context.imageSmoothingEnabled = scale * ratio < SHARP_FROM;
  }

  #drawPicture() {
    const context = this.pictureContext;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.picture.width, this.picture.height);
    if (!this.bitmap) return;
    this.#transform(context);
    context.imageSmoothingQuality = this.isQuick ? "low" : "medium";
    context.drawImage(this.bitmap, 0, 0, this.width, this.height);
  }

  #drawChanged({ left, top, right, bottom }) {
    const scale = this.place.scale * this.ratio;
    const x = Math.floor(left * scale + this.place.x * this.ratio) - 2;
    const y = Math.floor(top * scale + this.place.y * this.ratio) - 2;
    this.#drawOverlay(x, y, Math.ceil((right - left) * scale) + 4, Math.ceil((bottom - top) * scale) + 4);
  }

  #drawOverlay(x, y, width, height) {
    const context = this.overlayContext;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.clearRect(x, y, width, height);
    this.#transform(context);
    this.#drawRows(context);
    if (this.sketch) this.#drawSketch(context);
    context.restore();
  }

  /** Only the rows that hold a mask: of a large clip most are empty, and scaling them takes time too. */
  #drawRows(context) {
    const top = Math.max(0, this.shownRows[0] - 1);
    const height = Math.min(this.height, this.shownRows[1] + 1) - top;
    if (height > 0) context.drawImage(this.raster, 0, top, this.width, height, 0, top, this.width, height);
  }

  #drawSketch(context) {
    const { points, isClosed } = this.sketch;
    if (points.length < 2) return;
    const unit = 1 / this.place.scale;
    context.beginPath();
    context.moveTo(points[0], points[1]);
    for (let index = 2; index < points.length; index += 2) context.lineTo(points[index], points[index + 1]);
    if (isClosed) context.closePath();
    context.lineJoin = "round";
    for (const [colour, size] of [
      ["rgba(0, 0, 0, 0.6)", 4],
      ["#fff", 1.75],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = size * unit;
      context.stroke();
    }
    if (this.sketch.isLasso) return;
    for (let index = 0; index < points.length; index += 2) {
      context.beginPath();
      context.arc(points[index], points[index + 1], (index === 0 ? 6 : 4) * unit, 0, 2 * Math.PI);
      context.fillStyle = index === 0 ? "#fff" : "#cfe3ff";
      context.fill();
      context.strokeStyle = "rgba(0, 0, 0, 0.6)";
      context.lineWidth = unit;
      context.stroke();
    }
  }
}
