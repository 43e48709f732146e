// SPDX-License-Identifier: Apache-2.0
// An incident as a row: what happened, where, by which rules, and what comes next.
import { command, h, number, when } from "./dom.js";
import { containerHash } from "./words.js";

/* What was done about an incident, in the colours of verdicts. */
export function outcomeOf(i) {
  if (i.killed) return ["kill", `${number(i.killed)} killed`];
  if (i.refused) return ["deny", `${number(i.refused)} refused`];
  return ["alert", "alerted"];
}

const severities = ["low", "medium", "high", "critical"];

/* Those where something was stopped first, then the more severe, then the newer. */
export function compareIncidents(a, b) {
  return (b.killed + b.refused > 0) - (a.killed + a.refused > 0) ||
    severities.indexOf(b.severity) - severities.indexOf(a.severity) || b.end.localeCompare(a.end);
}

export function incidentBadges(i) {
  const [kind, text] = outcomeOf(i);
  return [h("span", { class: `badge ${kind}` }, text), h("span", { class: `badge severity-${i.severity}` }, i.severity),
    i.state === "closed" ? h("span", { class: "badge" }, "closed") : null];
}

/* The sentence with a capital, unless it begins with the name of a program. */
export function capitalised(sentence) {
  if (!sentence) return "Something happened";
  return /^(a|something|maintenance)\b/.test(sentence) ? sentence[0].toUpperCase() + sentence.slice(1) : sentence;
}

/* Who opened an exec session. */
export function sessionText(s) {
  return `opened by ${s.user ?? "an unknown user"}, ${s.program ?? "unknown program"}[${s.pid}], ${
    s.terminal ? `terminal ${s.terminal}` : "no terminal"}`;
}

/* When it began and ended. */
export function spanOf(i) {
  const [begin, end] = [when(i.begin), when(i.end)];
  return begin === end ? begin : `${begin} to ${end}`;
}

/* In one line, beside others. */
export function incidentLine(i) {
  const [kind, text] = outcomeOf(i);
  return h("li", null, h("a", { class: "event", href: `#/incident/${i.id}` },
    h("span", { class: "soft small" }, when(i.begin)), h("span", null, h("span", { class: `badge ${kind}` }, text)),
    h("span", { class: "what" }, h("b", null, capitalised(i.sentence)), h("span", null, `${i.severity}, ${i.state}`))));
}

/* findings: of the incident, as far as they are known; they name the rules. */
export function incidentRow(i, findings = []) {
  const rules = [...new Map(findings.map((f) => [f.rule, f.title]))];
  return h("li", { class: `incident ${outcomeOf(i)[0]}`, "data-id": i.id },
    h("p", { class: "row small" }, incidentBadges(i), h("span", { class: "soft" }, spanOf(i))),
    h("a", { class: "sentence", href: `#/incident/${i.id}` }, capitalised(i.sentence)),
    h("p", { class: "small where" }, "In ", h("a", { href: containerHash(i.container, i.container_id) }, i.container),
      i.image ? h("span", { class: "soft" }, ` of ${i.image}`) : null,
      rules.length ? [". Rule ", rules.map(([rule, title], n) => [n ? ", " : "", h("code", null, rule), `: ${title}`])] : null),
    i.state === "open" ? h("p", { class: "row small next" }, h("a", { class: "button", href: `#/incident/${i.id}` }, "Look at it"),
      h("span", null, "or ", command("lutra incidents show", i.id))) : null);
}
