/** How large is the brush, and where is it? The ring under the pointer, or at the keyboard's cursor. Called by stage.js. */

export class Ring {
  /** @param {HTMLElement} element @param {ReturnType<import("./store.js").createStore>} store */
  constructor(element, store) {
    Object.assign(this, { element, store, x: -1, y: -1 });
    store.watch(({ tool }) => element.classList.toggle("is-erasing", tool === "eraser"), "tool");
    store.watch(() => this.#size(), "brushRadius", "place");
  }

  /** @param {number} x in CSS pixels of the stage @param {number} y @param {boolean} isShown */
  follow(x, y, isShown) {
    Object.assign(this, { x, y });
    this.element.classList.toggle("is-hidden", !isShown);
    if (isShown) this.#put();
  }

  hide() {
    this.element.classList.add("is-hidden");
  }

  /** Shows where the keyboard's cursor is, or hides it. @param {{x: number, y: number} | null} point of the picture */
  showCursor(point, isDown) {
    this.element.classList.toggle("is-cursor", point !== null);
    this.element.classList.toggle("is-down", isDown);
    if (!point) return this.hide();
    const { place } = this.store.get();
    this.follow(point.x * place.scale + place.x, point.y * place.scale + place.y, true);
  }

  #size() {
    const { brushRadius, place } = this.store.get();
    const size = Math.max(3, 2 * brushRadius * (place?.scale ?? 1));
    this.element.style.width = this.element.style.height = `${size}px`;
    this.#put();
  }

  #put() {
    this.element.style.transform = `translate(${this.x}px, ${this.y}px) translate(-50%, -50%)`;
  }
}
