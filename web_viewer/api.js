/**
 * How does the viewer talk to the workstation core? The only module that calls `fetch` or opens an event stream.
 *
 * Routes and shapes: docs/contracts.md, "Workstation core ↔ viewer". Everything is same-origin; the cookie that the core
 * set at the first visit goes along by itself.
 */

/** An answer that was not a success, or none at all (`code` is then "OFFLINE_CORE"). Words: messages.js. */
export class ApiError extends Error {
  /** @param {string} code @param {number} status 0 without an answer @param {object} details the answer's JSON */
  constructor(code, status, details = {}) {
    super(code);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new ApiError(options.signal?.aborted ? "ABORTED" : "OFFLINE_CORE", 0);
  }
  if (response.ok) return response;
  const details = await response.json().catch(() => ({}));
  throw new ApiError(details.error_code ?? `HTTP_${response.status}`, response.status, details);
}

async function json(path, options) {
  const response = await request(path, options);
  return response.status === 204 ? null : response.json();
}

function send(method, path, body, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return json(path, { method, headers, body: JSON.stringify(body ?? {}), ...options });
}

/** @typedef {{study_uid: string, series_uid: string}} SeriesKey */

/** @param {SeriesKey} series @returns {string} `{study}/{series}` */
export function seriesPath(series) {
  return `${encodeURIComponent(series.study_uid)}/${encodeURIComponent(series.series_uid)}`;
}

export const listSeries = async () => (await json("/api/series")).series;
/** What to annotate next; `current` is left out where the core has to choose without the server. */
export const nextSeries = (current) =>
  send("POST", "/api/series/next", current && { study_uid: current.study_uid, series_uid: current.series_uid });

/** @param {SeriesKey} series @param {"open" | "cancel" | "save" | "complete" | "reopen" | "activity"} action */
export const seriesAction = (series, action) => send("POST", `/api/series/${seriesPath(series)}/${action}`);

/** One frame's picture, compressed as it came. @returns {Promise<Blob>} */
export async function frame(series, frameNumber, digest, signal) {
  const query = digest ? `?digest=${encodeURIComponent(digest)}` : "";
  return (await request(`/api/frames/${seriesPath(series)}/${frameNumber}${query}`, { signal })).blob();
}

export const maskMetadata = (series) => json(`/api/masks/${seriesPath(series)}`);

/** One mask of the base version as WebP. @returns {Promise<Blob>} */
export async function maskFile(series, filename, version, signal) {
  const query = version ? `?version=${encodeURIComponent(version)}` : "";
  return (await request(`/api/masks/${seriesPath(series)}/${encodeURIComponent(filename)}${query}`, { signal })).blob();
}

export const journal = (series) => json(`/api/journal/${seriesPath(series)}`);

/** `isLast` lets the request outlive the page; browsers then allow 64 kB. */
export const appendOps = (series, ops, isLast = false) =>
  send("POST", `/api/journal/${seriesPath(series)}`, { ops }, { keepalive: isLast });

export const history = async (series) => (await json(`/api/series/${seriesPath(series)}/history`)).history;
export const historyMetadata = (series, version) =>
  json(`/api/history/${seriesPath(series)}/${encodeURIComponent(version)}`);
export async function historyFile(series, version, filename) {
  const path = `/api/history/${seriesPath(series)}/${encodeURIComponent(version)}/${encodeURIComponent(filename)}`;
  return (await request(path)).blob();
}
export const restore = (series, version) =>
  send("POST", `/api/series/${seriesPath(series)}/restore`, { version_id: version });

export const conflict = (series) => json(`/api/conflict/${seriesPath(series)}`);
export const resolveConflict = (series, choices) => send("POST", `/api/conflict/${seriesPath(series)}`, { choices });

/** A picture at an address that the core gave (masks of a conflict). @returns {Promise<Blob>} */
export async function blobAt(path) {
  return (await request(path)).blob();
}

export const settings = () => json("/api/settings");
/** `isLast` as for appendOps. */
export const putSettings = (changed, isLast = false) => send("PUT", "/api/settings", changed, { keepalive: isLast });
export const purgeCache = (series) => send("POST", "/api/cache/purge", series ?? {});
export const refreshDataset = () => send("POST", "/api/refresh");

/** The core's news. EventSource reconnects by itself; events.js says what the events mean. @returns {EventSource} */
export function eventStream() {
  return new EventSource("/api/events");
}
