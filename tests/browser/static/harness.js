/** Writes down every input event, so that test_harness.py can see what an engine really delivers. */
const seen = (window.seen = []);
for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel", "wheel", "keydown", "click"]) {
  addEventListener(name, (event) => {
    // A browser that is late hands several moves over as one; they are all in there.
    const moves = name === "pointermove" ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const each of moves.length > 1 ? moves : [event]) note(each, event.target.id);
    if (name === "wheel") event.preventDefault();
  }, { passive: false });
}

function note({ type, pointerType, pointerId, clientX, clientY, button, buttons, pressure, deltaY, key, code, ctrlKey, shiftKey }, target) {
  seen.push({ type, pointerType, pointerId, x: clientX, y: clientY, button, buttons, pressure, deltaY, key, code, ctrlKey, shiftKey, target });
}

addEventListener("contextmenu", (event) => event.preventDefault());
