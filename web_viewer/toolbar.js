/** Which tool buttons are there? */
import { commandName } from "./commands.js";
import { h, icon } from "./dom.js";
import { maskTypes } from "./labels.js";
import { menuItem, toggleMenu } from "./menu.js";

const TOOL_ICONS = {
  brush: "brush",
  eraser: "eraser",
  polygon: "polygon",
  lasso: "lasso",
  pan: "pan",
  window: "window",
};
const SHAPE_ICONS = {
  fill_holes: "fill-holes",
  grow: "grow",
  shrink: "shrink",
  smooth: "smooth",
  copy_previous: "copy-previous",
  copy_next: "copy-next",
};
const NEEDS_NO_MASKS = new Set(["pan", "window"]);
const NOT_WHEN_NARROW = new Set(["clear", "pan", "window"]); // there they are in the menus

/**
 * @param {HTMLElement} bar @param {object} store
 * @param {Record<string, () => void>} commands @param {(id: string) => string} keyOf the key of an action in words
 * @returns {{add: (tool: import("./tools/index.js").Tool) => void}}
 */
export function createToolbar(bar, store, commands, keyOf) {
  const named = (id) => (keyOf(id) ? `${commandName(id)} (${keyOf(id)})` : commandName(id));
  const button = (id, drawing, props = {}) =>
    h(
      `button.tool${NOT_WHEN_NARROW.has(id) ? ".only-wide" : ""}`,
      {
        type: "button",
        "data-command": id,
        "aria-label": commandName(id),
        title: named(id),
        onclick: () => commands[id](),
        ...props,
      },
      icon(drawing),
    );
  const tools = Object.entries(TOOL_ICONS).map(([id, drawing]) => button(id, drawing, { "aria-pressed": "false" }));
  const separator = () => h("span.separator", { "aria-hidden": "true" });
  const lines = (icons, more = {}) =>
    Object.entries(icons).map(([id, drawing]) =>
      menuItem({
        icon: icon(drawing),
        label: commandName(id),
        key: keyOf(id),
        onclick: commands[id],
        disabled: !store.get().canEdit,
        ...more,
      }),
    );
  const shapes = h(
    "button.tool",
    {
      type: "button",
      "aria-label": "Change the mask",
      title: "Change the mask",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      onclick: () =>
        toggleMenu(shapes, () => [
          ...lines(SHAPE_ICONS),
          h("hr"),
          ...lines({ clear: "clear" }, { class: "only-narrow" }),
          ...lines({ reset_frame: "reset", reset_series: "reset" }),
        ]),
    },
    icon("shapes"),
  );
  const edits = [shapes, button("mark_empty", "empty"), button("clear", "clear")];
  const labels = h(
    "button.tool",
    {
      type: "button",
      "aria-label": "What to mark",
      title: "What to mark",
      "aria-haspopup": "dialog",
      "aria-expanded": "false",
      onclick: () => toggleMenu(labels, () => labelItems(store, keyOf)),
    },
    icon("tag"),
  );
  const steps = ["undo", "redo"].map((id) => button(id, id, { class: "only-narrow" }));
  bar.append(...steps, ...tools.slice(0, 4), labels, separator(), ...edits, separator(), ...tools.slice(4));
  /** Adds a plugin's tool behind the painting tools. */
  const add = (tool) => {
    const element = h(
      "button.tool",
      {
        type: "button",
        "aria-label": tool.name,
        title: tool.name,
        "aria-pressed": "false",
        "data-command": tool.id,
        onclick: () => store.set({ tool: tool.id }),
      },
      tool.drawing ? icon(tool.drawing) : h("span", { "aria-hidden": "true" }, tool.name.slice(0, 2)),
    );
    tools.push(element);
    labels.before(element);
  };
  store.watch(
    ({ tool, canEdit, canUndo, canRedo, session }) => {
      for (const element of tools) element.setAttribute("aria-pressed", String(element.dataset.command === tool));
      for (const element of [...tools, ...edits, labels])
        element.disabled = !canEdit && !NEEDS_NO_MASKS.has(element.dataset.command);
      steps[0].disabled = !canUndo;
      steps[1].disabled = !canRedo;
      labels.hidden = maskTypes(session).length < 2;
    },
    "tool",
    "canEdit",
    "canUndo",
    "canRedo",
    "session",
  );
  store.watch(
    ({ session, label }) => {
      const type = session?.label_types.find(({ label_id }) => label_id === (label ?? session.label_id));
      labels.style.color = type?.colour ?? "";
      labels.title = type ? `What to mark: ${type.name}` : "What to mark";
    },
    "session",
    "label",
  );
  return { add };
}

function labelItems(store, keyOf) {
  const { session, label } = store.get();
  return maskTypes(session).map((type, at) => {
    const swatch = h("span.dot", { "aria-hidden": "true" });
    swatch.style.background = swatch.style.borderColor = type.colour;
    return menuItem({
      icon: swatch,
      label: type.name,
      key: keyOf(`label_${at + 1}`),
      isOn: type.label_id === (label ?? session.label_id),
      closes: true,
      onclick: () => store.set({ label: type.label_id }),
    });
  });
}
