// SPDX-License-Identifier: Apache-2.0
// Elements out of data. Text from containers only ever becomes a text node or an attribute's value.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export function card(title, ...children) {
  return h("section", { class: "card" }, title ? h("h2", null, title) : null, ...children);
}

export function chips(words, kind = "") {
  return h("ul", { class: "chips" }, words.map((w) => h("li", { class: kind }, w)));
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter((p) => p[1] !== null && p[1] !== undefined)
    .map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

/* A word as a shell takes it, whatever is in it. */
export function shellWord(text) {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/* A command to be run in a terminal; words that are not constants are for shellWord(). */
export function command(...words) {
  return h("code", { class: "command" }, words.join(" "));
}

export function problem(text) {
  return h("p", { class: "problem", role: "alert" }, text);
}

/* Says that level M of a policy is off, why, and how to make the policy anew. image: null: not known. */
export function levelOff(image) {
  return h("p", { class: "problem" }, "Level M is off, since an older lutra made this policy. Its other rules are in force. ",
    "To make it anew: ", command("lutra learn --image", image ? shellWord(image) : "IMAGE", "--anew"));
}

const counted = new Intl.NumberFormat("en");

export function number(n) {
  return counted.format(n);
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${n.toFixed(i && n < 10 ? 1 : 0)} ${units[i]}`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString("en-GB");
}

/* Date and time of day, to the second. */
export function fullTime(time) {
  return `${new Date(time).toLocaleDateString("en-CA")} ${clock(time)}`;
}

export function when(time) {
  if (!time) return "never";
  const date = new Date(time);
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock(time) : fullTime(time);
}

/* A part of a whole, 0 to 1, as a bar. */
export function bar(part, label, text = `${Math.floor(100 * part)} %`) {
  const width = Math.min(100, Math.max(0, Math.floor(100 * part)));
  return h("div", {
    class: "bar", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
    "aria-valuenow": width, "aria-valuetext": text,
  }, svg("svg", { "aria-hidden": "true", viewBox: "0 0 100 10", preserveAspectRatio: "none" },
    svg("rect", { width, height: 10 })));
}

/* How near a container or process is to its threshold; ratio 1 is the threshold. */
export function meter(level, label) {
  const ratio = level?.ratio ?? 0;
  const percent = Math.round(ratio * 100);
  const kind = ratio >= 1 ? "hot" : ratio >= 0.5 ? "warm" : "";
  return h("div", { class: `meter ${kind}` }, bar(ratio, label, `${percent} % of the threshold`),
    h("span", { class: "value" }, level ? `${percent} % of the threshold` : "not followed"));
}

let toastTimer;

export function toast(text) {
  const box = document.getElementById("toasts");
  box.replaceChildren(h("p", { class: "toast" }, text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.replaceChildren(), 6000);
}

const unanswered = new Map();

/*
 * Opens a dialog; resolves to what it is closed with. The event of a closing comes later than the closing: who
 * opens the dialog again before that has cancelled it.
 */
export function answerOf(dialog) {
  unanswered.get(dialog)?.("");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const done = (value) => {
      dialog.removeEventListener("close", closed);
      unanswered.delete(dialog);
      resolve(value);
    };
    const closed = () => { if (!dialog.open) done(dialog.returnValue); };
    unanswered.set(dialog, done);
    dialog.addEventListener("close", closed);
  });
}

/* Resolves to whether the question was answered with its button; the button is red for what ends something. */
export async function confirmed(title, text, button, ends = false) {
  const dialog = document.getElementById("ask-dialog");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  const yes = document.getElementById("ask-ok");
  yes.textContent = button;
  yes.className = ends ? "danger" : "primary";
  return await answerOf(dialog) === "ok";
}
