/**
 * What news does the core send, and is it still there? Called once by viewer.js.
 *
 * EventSource reconnects by itself. After a gap (sleep and wake, core restarted) `onReconnect` asks for everything anew,
 * since events may have been missed.
 */
import { eventStream } from "./api.js";

const CLOSED = 2;
const NAMES = ["series", "session", "conflict", "journal", "notice", "raise"];

/**
 * @param {Record<string, (data: any) => void>} handlers by event name
 * @param {{onReconnect: () => void, onConnection: (isConnected: boolean) => void}} link
 * @returns {() => void} stops listening
 */
export function listen(handlers, { onReconnect, onConnection }) {
  let source = null;
  let wasOpen = false;
  let retry = 0;
  const connect = () => {
    source = eventStream();
    source.onopen = () => {
      onConnection(true);
      if (wasOpen) onReconnect();
      wasOpen = true;
    };
    source.onerror = () => {
      onConnection(false);
      // A refused connection closes the source for good in some engines: try again ourselves.
      if (source.readyState === CLOSED) retry = setTimeout(connect, 2000);
    };
    for (const name of NAMES) {
      source.addEventListener(name, (event) => handlers[name]?.(event.data ? JSON.parse(event.data) : null));
    }
  };
  connect();
  return () => {
    clearTimeout(retry);
    source.close();
  };
}
