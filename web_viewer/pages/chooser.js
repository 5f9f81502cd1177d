/** Which exam do I want? Search, states, progress, and who is there. */
import * as api from "../api.js";
import { openDialog } from "../dialogs.js";
import { h, sign } from "../dom.js";
import { STATES, ago, othersHere, personName, seriesName } from "../messages.js";

const FILTERS = [
  { id: "all", label: "All", test: () => true },
  { id: "open", label: "To do", test: (series) => !series.completed },
  { id: "edited", label: "Not saved", test: (series) => series.is_dirty },
  { id: "done", label: "Done", test: (series) => Boolean(series.completed) },
];

/** Lists exams by number, then series. @param {object[]} all @param {string} text @param {string} filter @returns {object[]} */
export function matching(all, text, filter) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const { test } = FILTERS.find(({ id }) => id === filter) ?? FILTERS[0];
  const isMatch = (series) => {
    const shown = `${seriesName(series)} ${series.dataset_name ?? ""}`.toLowerCase();
    return words.every((word) => shown.includes(word));
  };
  return all
    .filter((series) => test(series) && isMatch(series))
    .sort((a, b) => (a.exam_number ?? Infinity) - (b.exam_number ?? Infinity) || (a.series_number ?? 0) - (b.series_number ?? 0));
}

/**
 * @param {{store: object, flow: {open: (series: object) => void}, report: (error: Error) => void}} app
 */
export async function openChooser({ store, flow, report }) {
  let all = [];
  let filter = "all";
  const search = h("input.text-field", { type: "search", autofocus: true, placeholder: "Exam number or name", "aria-label": "Search exams", oninput: () => show() });
  const list = h("div.exam-list", { role: "group", "aria-label": "Exams", "aria-busy": "true" }, h("p.quiet", {}, "Loading…"));
  const summary = h("p.quiet", { role: "status" });
  const buttons = FILTERS.map(({ id, label }) =>
    h("button.button", { type: "button", "aria-pressed": String(id === filter), onclick: () => choose(id) }, label));
  const dialog = openDialog("Exams", [search, h("div.filter-row", {}, ...buttons), list, summary], { class: "chooser" });

  const choose = (id) => {
    filter = id;
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(FILTERS[at].id === id)));
    show();
  };
  const show = () => {
    const found = matching(all, search.value, filter);
    const hasSeveral = new Set(all.map((series) => series.dataset_name)).size > 1;
    list.replaceChildren(...found.map((series) => row(series, store.get(), hasSeveral, () => {
      dialog.close();
      flow.open(series);
    })));
    const done = all.filter((series) => series.completed).length;
    summary.textContent = all.length === 0 ? "There are no exams yet." : `${found.length} of ${all.length} exams, ${done} done`;
  };
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("button")?.click();
    if (event.key === "ArrowDown") list.querySelector("button")?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const direction = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!direction) return;
    event.preventDefault();
    (event.target[direction] ?? search).focus();
  });
  try {
    all = await api.listSeries();
    show();
  } catch (error) {
    list.replaceChildren();
    report(error);
  }
  list.removeAttribute("aria-busy");
}

function row(series, { series: current, session }, isDatasetNamed, onclick) {
  const isCurrent = current?.series_uid === series.series_uid && current?.study_uid === series.study_uid;
  const labels = Object.entries(series.label_counts ?? {}).reduce((sum, [, count]) => sum + count, 0);
  const facts = [
    series.frame_count ? `${series.frame_count} frames` : null,
    labels > 0 ? `${labels} drawn` : "nothing drawn yet",
    series.semi_synthetic ? "semi-synthetic" : null,
    isDatasetNamed ? series.dataset_name : null,
  ].filter(Boolean);
  return h("button.exam-row", { type: "button", "aria-current": String(isCurrent), onclick },
    h("span", {}, h("b", {}, seriesName(series)), h("br"), h("span.quiet", {}, facts.join(" · "))),
    h("span.chips", {}, ...badges(series, session)));
}

function badges(series, session) {
  const chips = [];
  const chip = (mark, text, tone) => chips.push(h("span.chip", { "data-tone": tone }, sign(mark), h("span", {}, text)));
  const [other] = othersHere({ series, session });
  if (other) chip("👤", `${personName(other.editor)}, ${ago(other.at)}`, "warn");
  if (series.completed) chip("✓", "Done", "good");
  else if (series.is_dirty) chip("●", "Not saved", "warn");
  else if (series.tracking_status === "failed") chip("💩🔥", "Not tracked", "bad");
  else if (series.tracking_status === "pending" || series.tracking_status === "processing") chip("☕", "Preparing", "calm");
  else if (STATES[series.state]?.sign) chip(STATES[series.state].sign, STATES[series.state].text, STATES[series.state].tone);
  return chips;
}
