// SPDX-License-Identifier: Apache-2.0
// All policies, and what is to be expected of them.
import { get } from "../api.js";
import { command, h, levelOff, number, problem, when } from "../dom.js";

/* The interval in words; null at an end: no bound is known. */
export function expected([low, high]) {
  const round = (n) => (n >= 10 ? Math.round(n) : Number(n.toFixed(1)));
  return high === null ? "not known" : `${round(low)} to ${round(high)} an hour`;
}

function policyCard(p) {
  return h("section", { class: "card" },
    h("div", { class: "row" },
      h("h2", null, h("a", { href: `#/policy/${encodeURIComponent(p.name)}` }, p.name)),
      p.error ? h("span", { class: "badge kill" }, "refused") : h("span", { class: "badge mode" }, p.mode)),
    p.error ? problem(p.error) : [
      h("p", { class: "soft" }, p.image),
      h("p", { class: "small" }, `${number(p.runs)} runs, ${p.hours.toFixed(2)} h, ${number(p.calls)} calls, ${number(p.objects)} objects`),
      h("p", { class: "small" }, `False alarms to expect in work like that of the runs: ${
        expected(p.calibration.alert_per_hour_95)} (95 %)`),
      p.level_off ? levelOff(p.image) : null,
    ],
    h("p", { class: "soft small" }, `Made ${when(p.created)}. ${
      p.containers.length ? `Guards ${p.containers.slice(0, 5).join(", ")}${p.containers.length > 5 ? ` and ${p.containers.length - 5} more` : ""}.`
        : "Guards nothing now."}`));
}

export async function policies(main, signal) {
  const list = (await get("policies", {}, signal)).policies;
  main.append(h("h1", null, "Policies"),
    list.length ? h("div", { class: "two" }, list.map(policyCard))
      : h("p", { class: "empty" }, "None yet. ", command("lutra learn --image IMAGE"), " makes one from runs of its containers."));
}
