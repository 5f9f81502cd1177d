/**
 * Does `count` things that a person could do, one after another, drawn from a seeded generator. Read and called by
 * test_browser_random.py; the same seed does the same things in every engine.
 */
async ({ seed, count }) => {
  let state = seed >>> 0;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const COMMANDS = [
    "undo", "undo", "undo", "redo", "redo", "fill_holes", "grow", "shrink", "smooth", "copy_previous", "copy_next",
    "mark_empty", "clear", "reset_frame", "previous", "next", "first", "last", "next_annotation", "previous_annotation",
    "least_certain", "next_unsaved", "zoom_in", "zoom_out", "fit", "smaller", "larger", "threshold", "opacity", "invert",
    "brush", "brush", "brush", "eraser", "eraser", "polygon", "lasso", "pan", "window",
  ];
  const stage = document.getElementById("stage");
  const target = document.getElementById("overlay");
  const send = (type, x, y, buttons) => target.dispatchEvent(new PointerEvent(type, {
    bubbles: true, cancelable: true, composed: true, pointerId: 1, pointerType: "mouse", isPrimary: true,
    clientX: x, clientY: y, button: type === "pointermove" ? -1 : 0, buttons, pressure: buttons ? 0.5 : 0,
  }));
  const { left, top, width, height } = stage.getBoundingClientRect();
  const point = () => [left + random(width), top + random(height)];
  const counts = { strokes: 0, commands: 0 };
  for (let done = 0; done < count; done++) {
    if (random(10) < 4) {
      counts.strokes++;
      let [x, y] = point();
      send("pointerdown", x, y, 1);
      for (let moves = random(5); moves > 0; moves--) {
        [x, y] = random(8) === 0 ? point() : [x + random(61) - 30, y + random(61) - 30];
        send("pointermove", x, y, 1);
      }
      send("pointerup", x, y, 0);
    } else {
      counts.commands++;
      await window.goobusters.run(COMMANDS[random(COMMANDS.length)]);
    }
    // A frame now and then, so that the screen is drawn piece by piece as it would be under a hand.
    if (random(20) === 0) await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return counts;
}
