// SPDX-License-Identifier: Apache-2.0
// What is said while the daemon does not answer: how old the data is, and that guarding goes on.
import { watchAnswers } from "./api.js";
import { clock } from "./dom.js";

const box = document.getElementById("gone");
const age = document.getElementById("gone-age");
const guarding = document.getElementById("gone-guarding");
let last = Date.now();
let timer = null;
let pinned = true;

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

function sayAge() {
  age.textContent = `What you see is ${duration(Date.now() - last)} old: of ${clock(last)}.`;
}

/* The status says whether the guard outlives the daemon. */
export function noteStatus(status) {
  pinned = status.pinned;
}

/* Has back called once the daemon answers again. */
export function watchDaemon(back) {
  watchAnswers((answered) => {
    if (answered) {
      last = Date.now();
      if (!timer) return;
      clearInterval(timer);
      timer = null;
      box.hidden = true;
      back();
    } else if (!timer) {
      timer = setInterval(sayAge, 1000);
      sayAge();
      guarding.textContent = pinned
        ? "Guarding goes on: the kernel judges, refuses and kills without lutrad, and keeps alerts for it. " +
          "Only modes freeze and kill-container wait for it."
        : "Nothing is guarded: the configuration has \"pin_dir\": null, so the guard ended with lutrad.";
      box.hidden = false;
    }
  });
}
