/** What happens for every action of shortcuts.js? Keys, buttons and menus all come through here. */
import { maskTypes } from "./labels.js";
import { nextFrame } from "./next_frame.js";
import { ACTIONS as SHORTCUTS } from "./shortcuts.js";
import { nextAnnotation, nextUnsaved } from "./timeline_model.js";
import { ACTIONS } from "./tools/actions.js";
import { polygon } from "./tools/outline.js";

const OPACITY_STEPS = [0.15, 0.3, 0.4, 0.6, 0.8];

/**
 * @param {{store: object, work: object, stage: object, cursor: object, player: object, flow: object, pages: Record<string, () => void>,
 *   cells: () => object[]}} app flow: what flow.js makes; cells: the timeline's cell of every frame
 * @returns {Record<string, () => void>} by action id
 */
export function createCommands({ store, work, stage, cursor, player, flow, pages, cells }) {
  const frame = () => store.get().frame;
  const last = () => (work.manifest?.frame_count ?? 1) - 1;
  const jump = (target) => target !== null && work.goTo(target);
  const useTool = (tool) => () => store.set({ tool });
  const toggle = (key) => () => store.set({ [key]: !store.get()[key] });
  const act = (id) => async () => {
    if (store.get().canEdit) await ACTIONS[id](work);
  };
  const labels = (n) => () => {
    const type = maskTypes(store.get().session)[n - 1];
    if (type) store.set({ label: type.label_id });
  };
  return {
    brush: useTool("brush"),
    eraser: useTool("eraser"),
    polygon: useTool("polygon"),
    lasso: useTool("lasso"),
    cursor: () => cursor.toggle(),
    pan: useTool("pan"),
    window: useTool("window"),
    smaller: () => stage.resizeBrush(1 / 1.2),
    larger: () => stage.resizeBrush(1.2),
    threshold: () => work.toggleThreshold(),
    ...Object.fromEntries(Object.keys(ACTIONS).map((id) => [id, act(id)])),
    undo: () => (polygon.isOpen ? polygon.cancel(work) : work.step("undo")),
    redo: () => work.step("redo"),
    previous: () => work.goTo(frame() - 1),
    next: () => work.goTo(frame() + 1),
    back_ten: () => work.goTo(frame() - 10),
    forward_ten: () => work.goTo(frame() + 10),
    first: () => work.goTo(0),
    last: () => work.goTo(last()),
    play: () => player.toggle(),
    slower: () => player.changeSpeed(-1),
    faster: () => player.changeSpeed(1),
    next_speed: () => player.nextSpeed(),
    loop: toggle("isLooping"),
    previous_annotation: () => jump(nextAnnotation(cells(), frame(), -1)),
    next_annotation: () => jump(nextAnnotation(cells(), frame(), 1)),
    least_certain: () => jump(nextFrame(cells(), frame())),
    next_unsaved: () => jump(nextUnsaved(cells(), frame())),
    fit: () => stage.fit(),
    zoom_in: () => stage.zoom(1.4),
    zoom_out: () => stage.zoom(1 / 1.4),
    invert: () => {
      const { brightness } = store.get();
      store.set({ brightness: { ...brightness, is_inverted: !brightness.is_inverted } });
    },
    opacity: () => {
      const at = OPACITY_STEPS.findIndex((step) => step > store.get().opacity + 0.01);
      store.set({ opacity: OPACITY_STEPS[Math.max(0, at)] });
    },
    outline: toggle("isOutlineOnly"),
    hide_masks: toggle("areMasksHidden"),
    ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [`label_${n}`, labels(n)])),
    save: () => flow.save(),
    next_series: () => flow.next(),
    done: () => flow.toggleDone(),
    ...pages,
  };
}

/** What a person reads for an action. @param {string} id @returns {string} */
export function commandName(id) {
  return SHORTCUTS.find((action) => action.id === id).name;
}
