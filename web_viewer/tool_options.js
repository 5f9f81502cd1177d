/** What options does the chosen tool have, and how are masks and picture shown? */
import { commandName } from "./commands.js";
import { h, icon, iconButton, setIcon } from "./dom.js";
import { menuItem, toggleMenu } from "./menu.js";
import { FULL, PRESETS, isFull } from "./window_level.js";

const HAS_SIZE = new Set(["brush", "eraser"]);
const HAS_RANGE = new Set(["brush", "polygon", "lasso"]);

/** The pill with the chosen tool's options and how masks are shown. */
export function createOptions(place, store, commands, keyOf) {
  const named = (id) => (keyOf(id) ? `${commandName(id)} (${keyOf(id)})` : commandName(id));
  const output = h("output", {});
  const size = h("input", {
    type: "range",
    min: "0",
    max: "100",
    step: "1",
    "aria-label": "Size of the brush",
    oninput: () => store.set({ brushRadius: radiusOf(Number(size.value)) }),
  });
  const sizeRow = h("label", {}, "Size", size, output);
  const toggle = (id, drawing) => iconButton(drawing, named(id), () => commands[id](), { "aria-pressed": "false" });
  const threshold = toggle("threshold", "threshold");
  const low = rangeInput(
    "Darkest grey that is painted",
    (value) => ({ low: Math.min(value, store.get().range.high) }),
    store,
  );
  const high = rangeInput(
    "Brightest grey that is painted",
    (value) => ({ high: Math.max(value, store.get().range.low) }),
    store,
  );
  const greyRow = h("label.greys", {}, "Greys", low, high);
  const full = h(
    "button.button",
    { type: "button", onclick: () => store.set({ brightness: { ...FULL } }) },
    "As recorded",
  );
  const invert = toggle("invert", "invert");
  const view = iconButton("eye", "How it is shown", () => toggleMenu(view, () => viewItems(store, commands, keyOf)), {
    "aria-haspopup": "dialog",
    "aria-expanded": "false",
  });
  place.append(sizeRow, threshold, greyRow, full, invert, view);
  store.watch(
    (state) => {
      size.value = String(sliderOf(state.brushRadius));
      output.textContent = `${Math.max(1, Math.round(2 * state.brushRadius))} px`;
      low.value = String(state.range.low);
      high.value = String(state.range.high);
      sizeRow.hidden = !HAS_SIZE.has(state.tool);
      threshold.hidden = !HAS_RANGE.has(state.tool);
      greyRow.hidden = threshold.hidden || !state.isThreshold;
      full.hidden = invert.hidden = state.tool !== "window";
      full.disabled = isFull(state.brightness);
      threshold.setAttribute("aria-pressed", String(Boolean(state.isThreshold)));
      invert.setAttribute("aria-pressed", String(state.brightness.is_inverted));
      setIcon(view, state.areMasksHidden ? "eye-off" : "eye");
    },
    "brushRadius",
    "tool",
    "isThreshold",
    "range",
    "areMasksHidden",
    "brightness",
  );
  for (const name of ["pointerdown", "mousedown", "wheel", "touchstart", "touchmove", "contextmenu"]) {
    place.addEventListener(name, (event) => event.stopPropagation());
  }
}

/** How masks and picture are shown: the menu behind the eye. */
function viewItems(store, commands, keyOf) {
  const { opacity, isOutlineOnly, areMasksHidden, brightness } = store.get();
  const check = (id, isOn, text) =>
    menuItem({
      icon: icon(ICON_OF[id]),
      label: text ?? commandName(id),
      isOn,
      onclick: (event) => {
        commands[id]();
        event.currentTarget.setAttribute(
          "aria-pressed",
          String(event.currentTarget.getAttribute("aria-pressed") !== "true"),
        );
      },
    });
  const slider = h("input", {
    type: "range",
    min: "10",
    max: "100",
    value: String(Math.round(100 * opacity)),
    "aria-label": "Opacity of the masks",
    oninput: () => store.set({ opacity: Number(slider.value) / 100 }),
  });
  const presets = PRESETS.map(({ name, window, level }) =>
    menuItem({
      icon: icon("window"),
      label: name,
      onclick: () => store.set({ brightness: { ...store.get().brightness, window, level } }),
    }),
  );
  return [
    check("hide_masks", areMasksHidden, "Hide masks"),
    check("outline", isOutlineOnly),
    h("label.field-row", {}, "Opacity", slider),
    h("hr"),
    ...presets,
    check("invert", brightness.is_inverted),
    h("hr"),
    ...["pan", "window"].map((id) =>
      menuItem({
        icon: icon(id),
        label: commandName(id),
        key: keyOf(id),
        onclick: commands[id],
        isOn: store.get().tool === id,
        closes: true,
        class: "only-narrow",
      }),
    ),
    menuItem({ icon: icon("fit"), label: commandName("fit"), key: keyOf("fit"), onclick: commands.fit }),
  ];
}

const ICON_OF = { hide_masks: "eye-off", outline: "outline", invert: "invert" };

function rangeInput(label, patch, store) {
  const input = h("input", {
    type: "range",
    min: "0",
    max: "255",
    "aria-label": label,
    oninput: () => store.set({ range: { ...store.get().range, ...patch(Number(input.value)) } }),
  });
  return input;
}

// The slider is even to the hand: each step changes the radius by the same factor, 0.5 px to 300 px.
const radiusOf = (value) => 0.5 * 600 ** (value / 100);
const sliderOf = (radius) => Math.round((100 * Math.log(radius / 0.5)) / Math.log(600));
