/**
 * What may tests and plugins see of the page? `window.goobusters`: reading for tests, adding for plugins.
 *
 * - `state()`: what is shown now, as plain JSON: exam, frame, frame_count, kind, can_edit, unsaved frames, save, tool, label,
 *   place of the picture ({scale, x, y}: stage CSS pixels = picture pixels * scale + x, y), shown_version_id (the version
 *   whose masks are shown, which follows series.base_version_id when they have come), and so on.
 * - `maskPixels(frame, label)`: `{width, height, kind, runs}` of one mask, runs as in the journal over the whole frame;
 *   runs are null while its file is still on its way. `label` may be left out for the main label type.
 * - `loadMasks(frame)`: resolves when the masks of a frame are there.
 * - `run(command)`: what pressing the command's key does, by the ids of shortcuts.js.
 * - `registerTool(tool)`: adds a tool (tools/index.js says what it must have).
 *
 * In QtWebEngine wrap results in JSON.stringify: runJavaScript hands objects over as ''.
 */
import { seriesName } from "./messages.js";
import { registerTool } from "./tools/index.js";

/** @param {{store: object, work: object, toolbar: {add: (tool: object) => void}}} app @param {Record<string, () => void>} commands */
export function createSurface({ store, work, toolbar }, commands) {
  return Object.freeze({
    state: () => {
      const {
        session,
        series,
        frame,
        canEdit,
        unsaved,
        unsentOps,
        tool,
        canUndo,
        canRedo,
        isPlaying,
        isConnected,
        brushRadius,
      } = store.get();
      return {
        series: series
          ? {
              study_uid: series.study_uid,
              series_uid: series.series_uid,
              state: series.state,
              save: series.save,
              version_id: series.version_id,
              base_version_id: series.base_version_id,
            }
          : null,
        name: series ? seriesName(series) : null,
        frame,
        frame_count: work.manifest?.frame_count ?? 0,
        kind: work.masks?.frameKind(frame) ?? null,
        has_picture: Boolean(work.frames?.picture(frame)),
        can_edit: canEdit,
        can_undo: canUndo,
        can_redo: canRedo,
        unsaved,
        unsent_ops: unsentOps,
        tool,
        label: session ? work.label() : null,
        brush_radius: brushRadius,
        is_playing: isPlaying,
        is_connected: isConnected,
        place: work.canvas.place,
        stage: stageBox(),
        shown_version_id: work.loader?.version ?? null,
        is_loading: work.isLoading === true,
      };
    },
    maskPixels: (frame, label = work.masks?.labels[0]) => {
      const { masks } = work;
      if (!masks) return null;
      return {
        width: masks.width,
        height: masks.height,
        kind: masks.kind(frame, label),
        runs: masks.runs(frame, label),
      };
    },
    loadMasks: (frame) => work.loader?.ensure(frame),
    run: (command) => commands[command](),
    registerTool: (tool) => {
      registerTool(tool);
      toolbar.add(tool);
    },
  });
}

function stageBox() {
  const { left, top, width, height } = document.getElementById("stage").getBoundingClientRect();
  return { left, top, width, height };
}
