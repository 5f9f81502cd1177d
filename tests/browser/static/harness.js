/** Writes down every input event, so that test_harness.py can see what an engine really delivers. */
const seen = (window.seen = []);
for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "wheel", "keydown", "click"]) {
  addEventListener(name, (event) => {
    const { type, pointerType, pointerId, clientX, clientY, button, buttons, pressure, deltaY, key, code, ctrlKey, shiftKey } = event;
    seen.push({ type, pointerType, pointerId, x: clientX, y: clientY, button, buttons, pressure, deltaY, key, code, ctrlKey, shiftKey, target: event.target.id });
    if (name === "wheel") event.preventDefault();
  }, { passive: false });
}
addEventListener("contextmenu", (event) => event.preventDefault());
