/** Where in the clip are we, and how does one move? Buttons under the timeline. */
import { commandName } from "./commands.js";
import { h, iconButton, setIcon } from "./dom.js";

/**
 * @param {HTMLElement} bar @param {HTMLElement} timeline @param {HTMLElement} options of the tool: here where there is room, else on the stage
 * @param {object} store @param {object} work
 * @param {Record<string, () => void>} commands @param {(id: string) => string} keyOf
 */
export function createTransport(bar, timeline, options, store, work, commands, keyOf) {
  const button = (id, drawing, props = {}) =>
    iconButton(drawing, keyOf(id) ? `${commandName(id)} (${keyOf(id)})` : commandName(id), () => commands[id](), {
      "data-command": id,
      ...props,
    });
  const play = button("play", "play");
  const number = h("span.frame-number", {});
  const speed = h("button.icon-button.text-button.only-wide", {
    type: "button",
    "aria-label": "Speed",
    title: "Speed",
    onclick: commands.next_speed,
  });
  const loop = button("loop", "loop", { "aria-pressed": "true", class: "only-wide" });
  bar.append(
    timeline,
    h(
      "div.controls",
      {},
      button("previous_annotation", "annotation-back"),
      button("previous", "step-back"),
      play,
      button("next", "step-on"),
      button("next_annotation", "annotation-on"),
      number,
      button("least_certain", "least-certain"),
      h("span.spacer"),
      options,
      h("span.spacer"),
      speed,
      loop,
    ),
  );
  const controls = bar.lastElementChild;
  const wide = window.matchMedia("(min-width: 1000px)");
  const placeOptions = () =>
    wide.matches
      ? controls.insertBefore(options, controls.children[7].nextSibling)
      : document.getElementById("stage").append(options);
  wide.addEventListener("change", placeOptions);
  placeOptions();
  store.watch(
    ({ frame, isPlaying, speed: rate, isLooping }) => {
      const count = work.manifest?.frame_count ?? 0;
      number.replaceChildren(
        h("span.word.quiet", {}, "Frame "),
        h("b", {}, count > 0 ? String(frame + 1) : "–"),
        h("span.quiet", {}, count > 0 ? ` of ${count}` : ""),
      );
      setIcon(play, isPlaying ? "pause" : "play");
      play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
      speed.textContent = `${rate}×`;
      loop.setAttribute("aria-pressed", String(isLooping));
    },
    "frame",
    "isPlaying",
    "speed",
    "isLooping",
    "hasClip",
  );
}
