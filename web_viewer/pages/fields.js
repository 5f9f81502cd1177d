/** How does a person enter one setting? Labelled fields for settings and first start, each with its own word of trouble. */
import { h } from "../dom.js";

/**
 * A text field that hands its value over when it is left or Enter is pressed.
 * @param {{label: string, value?: string, hint?: string, type?: string, placeholder?: string, autocomplete?: string,
 *   isFixed?: boolean, wrong: string}} field wrong: what to say when the value is refused
 * @param {(value: string) => Promise<boolean>} keep false when the value does not fit
 * @returns {HTMLElement & {input: HTMLInputElement, submit: () => Promise<boolean>}}
 */
export function textField({ label, value = "", hint = "", type = "text", placeholder = "", autocomplete = "off", isFixed = false, wrong }, keep) {
  const id = `field-${label.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const input = h("input.text-field", { id, type, placeholder, autocomplete, disabled: isFixed, spellcheck: "false", autocapitalize: "off", "aria-describedby": `${id}-note` });
  input.value = value;
  const words = isFixed ? "Set by whoever installed Goobusters." : hint;
  const note = h("p.quiet", { id: `${id}-note`, role: "status" }, words);
  const element = h("div.field", {}, h("label", { for: id }, label), input, note);
  let kept = value;
  let asking = null; // Enter also makes a change event: one question at a time
  const submit = () => {
    asking ??= ask().finally(() => (asking = null));
    return asking;
  };
  const ask = async () => {
    if (input.value === kept) return true;
    const entered = input.value;
    const isGood = await keep(entered.trim());
    if (isGood) kept = entered;
    input.setAttribute("aria-invalid", String(!isGood));
    note.textContent = isGood ? words : wrong;
    note.dataset.tone = isGood ? "calm" : "warn";
    return isGood;
  };
  input.addEventListener("change", submit);
  return Object.assign(element, { input, submit });
}

/**
 * One of a few, as buttons side by side.
 * @param {string} label @param {{value: string, label: string}[]} options @param {string} value
 * @param {(value: string) => void} keep
 */
export function choice(label, options, value, keep) {
  const buttons = options.map((option) =>
    h("button.button", { type: "button", "aria-pressed": String(option.value === value), onclick: (event) => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      keep(option.value);
    } }, option.label));
  return h("div.field", { role: "group", "aria-label": label }, h("span.field-label", {}, label), h("div.filter-row", {}, ...buttons));
}
