/** What does somebody see who opens Goobusters for the first time? Three steps: who you are, where the server is, how to draw. */
import { openDialog } from "../dialogs.js";
import { h } from "../dom.js";
import * as api from "../api.js";
import { accountFields } from "./settings.js";

/** Whether the steps are due. Pure. @param {object} session as from GET /api/session @returns {boolean} */
export function isFirstStart(session) {
  return session.server.state === "unset" || !session.editor;
}

const BASICS = [
  ["Draw", "With the mouse, a pen or a finger. Two fingers, or Space and drag, move the picture; the wheel goes through the frames, with Ctrl it zooms."],
  ["Green is yours, orange is the server's", "Correct an orange mask and it becomes yours. Ctrl + Z takes anything back, also tomorrow."],
  ["Save, then Next", "The server carries your masks to all other frames while you go on. The question mark key shows all keys."],
];

/** @param {{store: object, flow: object, toast: Function, report: (error: Error) => void}} app @returns {Promise<void>} */
export async function openFirstStart(app) {
  let settings;
  try {
    settings = await api.settings();
  } catch (error) {
    app.report(error);
    return;
  }
  const { editor, server, token } = accountFields(app, settings);
  const steps = [
    { title: "Who are you?", fields: [editor], content: [editor] },
    { title: "Where is the server?", fields: [server, token], content: [server, token, h("p.quiet", {}, "No server yet? You can leave this empty: your work is kept on this computer.")] },
    { title: "How it works", fields: [], content: BASICS.map(([title, text]) => h("div", {}, h("h3", {}, title), h("p", {}, text))) },
  ];
  let at = 0;
  const place = h("div.steps", {});
  const count = h("p.quiet", { role: "status" });
  const back = h("button.button", { type: "button", onclick: () => show(at - 1) }, "Back");
  const next = h("button.button.main", { type: "button", onclick: () => forward() }, "Continue");
  const dialog = openDialog("Welcome to Goobusters", [count, place, h("div.choices.steps-foot", {}, back, next)], { class: "first-start" });

  const show = (to) => {
    at = to;
    const step = steps[at];
    count.textContent = `Step ${at + 1} of ${steps.length}`;
    place.replaceChildren(h("h3", {}, step.title), ...step.content);
    back.disabled = at === 0;
    next.textContent = at === steps.length - 1 ? "Start" : "Continue";
    const input = step.fields.find((field) => !field.input.disabled)?.input;
    (input ?? next).focus();
    input?.select(); // what stands there is only a guess: typing replaces it
  };
  const forward = async () => {
    const results = [];
    for (const field of steps[at].fields) results.push(await field.submit());
    if (results.includes(false)) return;
    if (at === steps.length - 1) dialog.close();
    else show(at + 1);
  };
  place.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) forward();
  });
  show(0);
  await dialog.closed;
}
