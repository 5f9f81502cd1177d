/**
 * What happens over the whole clip? Draws the cells of timeline_model.js and scrubs. A slider to keyboard and screen reader.
 *
 * From top to bottom: unsaved dots, pins of the frames that a person looked at, the area over time in the colour of its
 * kind, and how unsure the server is of what it tracked.
 */
import { h } from "./dom.js";
import { KINDS } from "./messages.js";
import { columnsOf, frameAt, positionOf } from "./timeline_model.js";

const DOT_Y = 6;
const TOP = 12;
const BAND = 5;

/**
 * @param {object} store @param {{goTo: (frame: number) => void, manifest: object | null}} work
 * @param {() => object[]} cells one per frame, see timeline_model.js
 * @returns {{element: HTMLElement, redraw: () => void}}
 */
export function createTimeline(store, work, cells) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const head = h("canvas", { "aria-hidden": "true" });
  const element = h(
    "div.timeline",
    { role: "slider", tabindex: "0", "aria-label": "Frame", "aria-valuemin": "1", "aria-valuenow": "1" },
    canvas,
    head,
  );
  let isScrubbing = false;
  let isRequested = false;

  const scrub = (event) => {
    const box = element.getBoundingClientRect();
    if (work.manifest) work.goTo(frameAt(event.clientX - box.left, box.width, work.manifest.frame_count));
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    event.preventDefault();
    isScrubbing = true;
    store.set({ isPlaying: false });
    scrub(event);
  });
  window.addEventListener("pointermove", (event) => isScrubbing && scrub(event));
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => (isScrubbing = false));

  const redraw = () => {
    if (isRequested) return;
    isRequested = true;
    requestAnimationFrame(() => {
      isRequested = false;
      drawCells(canvas, element, cells(), work.masks);
      drawHead(head, element, store.get().frame, work.manifest?.frame_count ?? 1);
    });
  };
  store.watch(
    ({ frame }) => {
      const count = work.manifest?.frame_count ?? 1;
      drawHead(head, element, frame, count);
      element.setAttribute("aria-valuemax", String(count));
      element.setAttribute("aria-valuenow", String(frame + 1));
      const kind = work.masks?.frameKind(frame);
      element.setAttribute("aria-valuetext", `Frame ${frame + 1} of ${count}${kind ? `, ${KINDS[kind]}` : ""}`);
    },
    "frame",
    "hasClip",
    "cellsVersion",
  );
  new ResizeObserver(redraw).observe(element);
  return { element, redraw };
}

function prepare(canvas, element) {
  const ratio = window.devicePixelRatio || 1;
  const width = element.clientWidth;
  const height = element.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    annotation: of("person"),
    tracked: of("tracked"),
    empty: of("quiet"),
    none: of("line"),
    text: of("text"),
    warn: of("warn"),
  };
}

function drawCells(canvas, element, frames) {
  const { context, width, height } = prepare(canvas, element);
  const colours = palette();
  const columns = columnsOf(frames, width);
  const largest = Math.max(1, ...columns.map((column) => column.area ?? 0));
  const bottom = height - BAND - 3;
  for (const column of columns) {
    const gap = column.width > 14 ? 1 : 0;
    const x = column.x + gap / 2;
    const w = Math.max(1, column.width - gap);
    bar(context, column, x, w, heightOf(column, largest, bottom), bottom, colours);
    if (column.has_annotation) pin(context, column, colours.annotation, bottom, true);
    else if (column.has_empty) pin(context, column, colours.empty, bottom, false);
    if (column.confidence !== null && column.kind !== "none") doubt(context, column, x, w, bottom + 3, colours);
    if (column.is_unsaved) disc(context, column.x + column.width / 2, DOT_Y, 3, colours.warn);
  }
}

function heightOf(column, largest, bottom) {
  if (column.kind === "none" || column.kind === "empty") return 1.5;
  return Math.max(3, (column.area === null ? 0.12 : Math.sqrt(column.area / largest)) * (bottom - TOP - 8));
}

/** The area: a quiet fill with a clear upper edge, so that the line over time is what one sees. */
function bar(context, column, x, width, height, bottom, colours) {
  context.fillStyle = colours[column.kind];
  context.globalAlpha = column.kind === "annotation" ? 0.5 : 0.26;
  context.fillRect(x, bottom - height, width, height);
  context.globalAlpha = 1;
  context.fillRect(x, bottom - height, width, Math.min(2, height));
}

/** Frames that a person looked at stand out at any width: a stem with a head, hollow for "nothing there". */
function pin(context, column, colour, bottom, isFilled) {
  const x = column.x + column.width / 2;
  context.fillStyle = colour;
  context.fillRect(x - 1, TOP + 7, 2, bottom - TOP - 7);
  disc(context, x, TOP + 4, 4, colour);
  if (isFilled) return;
  context.globalCompositeOperation = "destination-out";
  disc(context, x, TOP + 4, 2.2, colour);
  context.globalCompositeOperation = "source-over";
}

/** How unsure the server is: the taller and brighter, the more a look is worth. */
function doubt(context, column, x, width, top, colours) {
  const amount = 1 - column.confidence;
  context.globalAlpha = 0.3 + 0.7 * amount;
  context.fillStyle = column.confidence < 0.5 ? colours.warn : colours.tracked;
  context.fillRect(x, top + BAND * (1 - amount), width, Math.max(1, BAND * amount));
  context.globalAlpha = 1;
}

function disc(context, x, y, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawHead(canvas, element, frame, count) {
  const { context, width, height } = prepare(canvas, element);
  if (width === 0) return;
  const x = positionOf(frame, width, count);
  const { text } = palette();
  context.fillStyle = text;
  context.fillRect(x - 1, 0, 2, height);
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x, 7);
  context.fill();
}
