/**
 * What does a hand, a pen or a mouse mean on the picture? A state machine over pointer events; no DOM in here.
 *
 * Mouse: left draws, with Ctrl or ⌘ it picks what lies there; middle, or left with space held or with the hand tool, pans; right drags brightness.
 * Pen: draws; its barrel button or other end erases. `buttons` is 0 on pen moves in QtWebEngine, so down and up are
 * tracked here. Once a pen was seen, fingers never draw: they pan and pinch, and a palm does nothing while the pen is down.
 * Fingers: one draws (until a pen was seen), two pan and pinch, a second finger that lands soon takes the stroke back.
 * Two quick taps fit the picture; holding still picks what lies under the finger.
 */

const TAP_MS = 300;
const TAP_DISTANCE = 24;
const HOLD_MS = 550;
const HOLD_DISTANCE = 8;
const SECOND_FINGER_MS = 250;
const SECOND_FINGER_DISTANCE = 24;
const PALM_SIZE = 60;
const ERASER_BUTTON = 5;

/** @typedef {{type: string, id: number, x: number, y: number, pressure: number, button: number, time: number, size: number, isPick?: boolean}} Contact
 *   x, y in CSS pixels of the stage, time in ms, size of the contact in CSS pixels */
/** @typedef {object} Hand what a gesture does: drawStart(contact, isErasing), drawMove(contact), drawEnd(contact), drawCancel(),
 *   panStart(contact), panMove(contact), panEnd(), pinchStart(points), pinchMove(points), pinchEnd(),
 *   brightnessStart(contact), brightnessMove(contact), brightnessEnd(), doubleTap(contact), hold(contact) */

export class Gestures {
  /**
   * @param {Hand} hand
   * @param {() => {isPanning: boolean, isBrightness: boolean}} mode of the mouse: the hand tool or space, the brightness tool
   */
  constructor(hand, mode) {
    this.hand = hand;
    this.mode = mode;
    this.contacts = new Map();
    this.action = null;
    this.actor = null;
    this.hasPen = false;
    this.lastTap = null;
  }

  /** @param {Contact} contact */
  down(contact) {
    if (contact.type === "pen") this.hasPen = true;
    if (contact.type === "touch") this.#touchDown(contact);
    else if (this.action === null || contact.type === "pen") this.#pointerDown(contact);
  }

  #pointerDown(contact) {
    if (contact.type === "pen") this.#dropFingers();
    const { isPanning, isBrightness } = this.mode();
    const isErasing = contact.type === "pen" && (contact.button === ERASER_BUTTON || contact.button === 2);
    if (contact.isPick && contact.button === 0) this.hand.hold(contact);
    else if (contact.type === "mouse" && contact.button === 2) this.#start("brightness", contact);
    else if (contact.button === 1 || isPanning) this.#start("pan", contact);
    else if (isBrightness && !isErasing) this.#start("brightness", contact);
    else this.#start("draw", contact, isErasing);
  }

  #dropFingers() {
    if (this.action === "pinch") this.hand.pinchEnd();
    else if (this.action === "pan") this.hand.panEnd();
    else if (this.action === "draw") this.hand.drawCancel();
    this.action = null;
    this.contacts.clear();
  }

  #touchDown(contact) {
    if (this.action !== null && this.actor?.type === "pen") return;
    if (contact.size > PALM_SIZE) return;
    this.contacts.set(contact.id, { ...contact, start: contact });
    if (this.contacts.size === 1) this.#firstFinger(contact);
    else if (this.contacts.size === 2) this.#secondFinger(contact);
  }

  #firstFinger(contact) {
    const { isPanning, isBrightness } = this.mode();
    if (this.hasPen || isPanning) this.#start("pan", contact);
    else this.#start(isBrightness ? "brightness" : "draw", contact, false);
  }

  #secondFinger(contact) {
    const first = this.contacts.get(this.actor?.id);
    if (this.action === "draw") {
      const isSoon = contact.time - first.start.time < SECOND_FINGER_MS;
      if (!isSoon && distance(first, first.start) > SECOND_FINGER_DISTANCE) {
        this.contacts.delete(contact.id);
        return;
      }
      this.hand.drawCancel();
    } else if (this.action === "pan") this.hand.panEnd();
    else if (this.action === "brightness") this.hand.brightnessEnd();
    this.lastTap = null;
    this.action = "pinch";
    this.hand.pinchStart(this.#points());
  }

  #points() {
    const [a, b] = [...this.contacts.values()];
    return [a.x, a.y, b.x, b.y];
  }

  #start(action, contact, isErasing = false) {
    this.action = action;
    this.actor = { ...contact, start: contact, hasMoved: false };
    this.hand[`${action}Start`](contact, isErasing);
  }

  /** @param {Contact} contact */
  move(contact) {
    const finger = this.contacts.get(contact.id);
    if (finger) {
      finger.x = contact.x;
      finger.y = contact.y;
    }
    if (this.action === "pinch") {
      if (finger) this.hand.pinchMove(this.#points());
      return;
    }
    if (this.action === null || contact.id !== this.actor.id) return;
    if (distance(contact, this.actor.start) > HOLD_DISTANCE) this.actor.hasMoved = true;
    this.hand[`${this.action}Move`](contact);
  }

  /** @param {Contact} contact */
  up(contact) {
    this.contacts.delete(contact.id);
    if (this.action === "pinch") {
      if (this.contacts.size > 1) return;
      this.hand.pinchEnd();
      this.action = null;
      this.contacts.clear();
      return;
    }
    if (this.action === null || contact.id !== this.actor.id) return;
    const { action, actor } = this;
    this.action = null;
    const isTap = !actor.hasMoved && contact.time - actor.start.time < TAP_MS;
    const isSecondTap =
      isTap &&
      this.lastTap &&
      contact.time - this.lastTap.time < TAP_MS &&
      distance(contact, this.lastTap) < TAP_DISTANCE;
    this.lastTap = isTap && !isSecondTap ? contact : null;
    if (isSecondTap && contact.type === "touch") {
      if (action === "draw") this.hand.drawCancel();
      else this.hand[`${action}End`](contact);
      this.hand.doubleTap(contact, action === "draw");
    } else this.hand[`${action}End`](contact);
  }

  /** The system took the pointer away. @param {Contact} contact */
  cancel(contact) {
    const isActor = this.action !== null && this.action !== "pinch" && contact.id === this.actor.id;
    if (isActor && this.action === "draw") {
      this.contacts.delete(contact.id);
      this.action = null;
      this.hand.drawCancel();
    } else this.up(contact);
  }

  /** Call now and then while a contact is down: a finger held still picks. @param {number} time in ms */
  tick(time) {
    if (this.action !== "draw" || this.actor.hasMoved || this.actor.type !== "touch") return;
    if (time - this.actor.start.time < HOLD_MS) return;
    this.action = null;
    this.hand.drawCancel();
    this.hand.hold(this.actor.start);
  }
}

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
