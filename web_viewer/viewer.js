/**
 * How do the parts of the page come together? Wiring only: store → workspace → stage, bars, dialogs, news of the core.
 *
 * For end-to-end tests and plugins there is `window.goobusters`, see surface.js.
 */
import * as api from "./api.js";
import { Canvas } from "./canvas.js";
import { createCommands } from "./commands.js";
import { createCursor } from "./cursor.js";
import { listen } from "./events.js";
import { createFlow } from "./flow.js";
import { fromSettings, keepLook } from "./kept.js";
import { createKeyboard } from "./keyboard.js";
import { mergedText, noticesOf } from "./messages.js";
import { openChooser } from "./pages/chooser.js";
import { openConflict } from "./pages/conflict.js";
import { isFirstStart, openFirstStart } from "./pages/first_start.js";
import { openHelp } from "./pages/help.js";
import { openHistory } from "./pages/history.js";
import { lookForExams, openSettings } from "./pages/settings.js";
import { Player } from "./player.js";
import { keyName, keysOf } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { INITIAL, createStore } from "./store.js";
import { createSurface } from "./surface.js";
import { createTimeline } from "./timeline.js";
import { createToasts } from "./toasts.js";
import { createOptions } from "./tool_options.js";
import { createToolbar } from "./toolbar.js";
import { createTopbar } from "./topbar.js";
import { createTransport } from "./transport.js";
import { createView } from "./view.js";
import { Workspace } from "./workspace.js";

const byId = (id) => document.getElementById(id);
const isMac = /Mac|iPad|iPhone/.test(navigator.platform);

const store = createStore(INITIAL);
const toast = createToasts(byId("toasts"));
const report = (error) => {
  if (error.code === "ABORTED") return;
  if (!error.code) console.error(error);
  toast({ code: error.code }, { key: error.code });
};

/** Says the whole sentence of a code, with what can be done about it. */
const explain = (code) => {
  const refresh = { label: "Refresh", run: () => api.refreshDataset().catch(report) };
  toast({ code }, { key: code, action: code === "DATASET_STALE" ? refresh : undefined });
};

const canvas = new Canvas(byId("stage"), byId("picture"), byId("overlay"));
const work = new Workspace(store, canvas, {
  onError: report,
  onOpened: () => {
    stage.onResize();
    stage.fit();
    timeline.redraw();
  },
  onCells: () => timeline.redraw(),
});
const stage = new Stage(byId("stage"), byId("ring"), store, work);
const player = new Player(store, work);
const flow = createFlow({ store, work, toast, report, decide: () => openConflict({ store, work, toast, report }) });
const cursor = createCursor({ store, work, stage });
const app = { store, work, stage, cursor, player, flow, toast, report, isMac };
const commands = createCommands({
  ...app,
  cells: () => work.cells(),
  pages: {
    exams: () => openChooser(app),
    history: () => openHistory(app),
    settings: () => openSettings(app),
    help: () => openHelp(app, () => openSettings(app)),
    first_start: () => openFirstStart(app),
    look_again: () => lookForExams(app),
    open_again: () => flow.open(store.get().series),
  },
});
const keyOf = (id) => {
  const [key] = keysOf(store.get().settings.shortcuts ?? {}).get(id) ?? [];
  return key ? keyName(key, isMac) : "";
};
const timeline = createTimeline(store, work, () => work.cells());

createTopbar(byId("topbar"), store, commands, keyOf, explain);
const toolbar = createToolbar(byId("toolbar"), store, commands, keyOf);
createOptions(byId("options"), store, commands, keyOf);
createTransport(byId("transport"), timeline.element, byId("options"), store, work, commands, keyOf);
createView({ ...app, timeline, commands });
createKeyboard({ ...app, commands });
window.goobusters = createSurface({ ...app, toolbar }, commands);

listen(
  {
    series: (series) => {
      work.onSeries(series);
      if (store.get().page === "empty" && !store.get().series) openFirst(); // it has come while the page was waiting
    },
    session: (session) => store.set({ session }), // the first comes as soon as the page listens
    journal: (news) => work.onJournal(news),
    notice: (notice) => toast(notice.code === "MERGED" ? mergedText(notice) : notice, { key: notice.code }),
    raise: () => window.focus(),
  },
  {
    onConnection: (isConnected) =>
      store.set({ isConnected, awaySince: isConnected ? null : (store.get().awaySince ?? performance.now()) }),
    onReconnect: () => work.reopen().catch(report),
  },
);

store.watch(({ session }, before) => {
  if (session?.dataset_stale && !before.session?.dataset_stale) explain("DATASET_STALE");
  const told = noticesOf(before.session);
  for (const code of noticesOf(session)) if (!told.has(code)) toast({ code }, { key: code });
}, "session");

const firstSession = new Promise((resolve) => {
  store.watch(({ session }) => session && resolve(session), "session");
});
let sendLook = () => {};

async function start() {
  try {
    const settings = await api.settings();
    store.set({ settings: { ...store.get().settings, ...settings }, ...fromSettings(settings) });
    sendLook = keepLook(store, api.putSettings, report);
    const session = await firstSession;
    for (const address of session.viewer_modules ?? []) await import(address).catch((error) => report(error));
    await openFirst();
    if (isFirstStart(session)) await openFirstStart(app);
  } catch (error) {
    store.set({ page: "stopped" });
    report(error);
  }
}

/** Opens what waits to be saved, else the first exam that is not done. */
async function openFirst() {
  store.set({ page: null });
  const all = await api.listSeries();
  const first = all.find((series) => series.is_dirty) ?? all.find((series) => !series.completed) ?? all[0];
  if (first) await flow.open(first);
  else store.set({ page: "empty" });
}

/** The page may be gone in a moment. */
function sendAll() {
  work.endStroke();
  work.outbox?.sendNow();
  sendLook(true);
}

window.addEventListener("pagehide", sendAll);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && sendAll());
start();
