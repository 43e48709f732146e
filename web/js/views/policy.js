// SPDX-License-Identifier: Apache-2.0
// One policy: what it knows, where it comes from, what is to be expected of it, what changed.
import { attempt } from "../actions.js";
import { ApiError, get, path, post } from "../api.js";
import { card, chips, command, facts, fullTime, h, levelOff, number, problem, shellWord, when } from "../dom.js";
import { every, quietly } from "../poll.js";
import { entryName } from "../words.js";
import { expected } from "./policies.js";

const DRAFT_POLL_MS = 3000;
const roles = {
  startup: "while the service starts", steady: "while it serves",
  spawned: "in what it starts", deeper: "in what those start",
};

function about(p) {
  const c = p.calibration;
  return h("div", { class: "two" },
    card("Where it comes from", facts([
      ["Image", p.image], ["Digest", p.digest], ["Made", when(p.created)],
      ["Training", `${number(p.runs)} runs, ${p.hours.toFixed(3)} h, ${number(p.calls)} calls, seed ${p.provenance.seed}`],
      ["Sum", h("code", null, p.sha256)],
      ["Guards", p.containers.length ? p.containers.join(", ") : "nothing now"],
    ])),
    card("What to expect of it", facts([
      ["False alarms", `${expected(c.alert_per_hour_95)} (95 %), in work like that of the runs`],
      ["False refusals", `${expected(c.deny_per_hour_95)} (95 %), in work like that of the runs`],
      ["New things", p.unseen],
      ["Found by", `replaying each of ${number(c.runs)} runs against the others: ${number(c.alarms_alert)} alarms, ${
        number(c.alarms_deny)} refusals in ${c.hours.toFixed(3)} h`],
      ["Mode", p.mode === p.policy_mode ? p.mode : `${p.mode} (the policy says ${p.policy_mode})`],
      ["Advice", c.advice || null],
    ])));
}

function group(title, count, ...content) {
  return h("details", null, h("summary", null, `${title} (${number(count)})`), ...content);
}

function callTable(calls) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Calls and objects" }, h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Call or object"), h("th", { scope: "col" }, "Usually followed by"))),
    h("tbody", null, calls.map((c) => h("tr", null, h("td", null, h("code", null, entryName(c))), h("td", null, chips(c.next)))))));
}

function alphabet(p) {
  return card("Calls and kinds of objects it knows", ...Object.entries(p.roles).map(([role, calls]) =>
    group(`${role}: ${roles[role] ?? ""}`, calls.length, callTable(calls))),
  group("Refused or killed since training never saw them", p.th.length, chips(p.th)));
}

function objects(p) {
  const all = Object.entries(p.known);
  return card("Objects it knows", all.length ? all.map(([op, names]) => group(op, names.length,
    h("ul", { class: "paths scroll", tabindex: "0", "aria-label": `Objects of ${op}` }, names.map((n) => h("li", null, n)))))
    : h("p", { class: "empty" }, "None."));
}

function actions(p) {
  const by = {};
  for (const [rule, action] of Object.entries(p.actions)) (by[action] ??= []).push(rule);
  return card("What its rules lead to", facts(["kill", "deny", "alert", "log"].filter((a) => by[a])
    .map((a) => [a, chips(by[a])])));
}

function runs(p) {
  return card("Runs it was made from", h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Runs" }, h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Trace"), h("th", { scope: "col", class: "number" }, "Calls"),
      h("th", { scope: "col", class: "number" }, "Objects"), h("th", { scope: "col", class: "number" }, "Seconds"))),
    h("tbody", null, p.provenance.runs.map((r) => h("tr", null, h("td", null, h("code", null, r.file)),
      h("td", { class: "number" }, number(r.calls)), h("td", { class: "number" }, number(r.objects)),
      h("td", { class: "number" }, r.seconds.toFixed(1))))))));
}

/* ---- what changed ---- */

function gained(title, sets) {
  if (!sets || !(sets.gained?.length || sets.lost?.length)) return null;
  return h("div", { class: "stack" }, h("h3", null, title),
    sets.gained?.length ? chips(sets.gained.map((n) => `+ ${n}`), "known") : null,
    sets.lost?.length ? chips(sets.lost.map((n) => `− ${n}`), "lost") : null);
}

function changed(title, changes) {
  const all = Object.entries(changes ?? {}).filter(([, c]) => c && "old" in c);
  if (!all.length) return null;
  const say = (v) => (v === null ? "none" : typeof v === "object" ? JSON.stringify(v) : String(v));
  return h("div", { class: "stack" }, h("h3", null, title),
    facts(all.map(([name, c]) => [name, `${say(c.old)} → ${say(c.new)}`])));
}

/* A threshold is 100 % of a level: what changed is said in percent of the one before. */
function changedThresholds(changes) {
  const all = Object.entries(changes ?? {}).filter(([, c]) => c && c.old > 0);
  if (!all.length) return null;
  return h("div", { class: "stack" }, h("h3", null, "Thresholds"),
    facts(all.map(([name, c]) => [`Level ${name.toUpperCase()}`, `100 % → ${Math.round(100 * c.new / c.old)} %`])));
}

function differences(diff) {
  if (diff.same) return card("Since the version before", h("p", { class: "empty" }, "Nothing differs."));
  return card("Since the version before",
    changed("About", diff.about),
    ...Object.entries(diff.calls).map(([role, sets]) => gained(`Calls, ${role}`, sets)),
    gained("Refused calls", diff.th),
    ...Object.entries(diff.objects).map(([op, sets]) => gained(`Objects, ${op}`, sets)),
    gained("Paths", diff.paths), changed("Rules", diff.actions), changedThresholds(diff.thresholds),
    gained("Accepted and set by hand", diff.accepted), changed("Training", diff.training), gained("Runs", diff.training?.runs),
    gained("Base and packs", diff.training?.known), changed("Calibration", diff.calibration));
}

/* null: what was accepted is damaged, so it cannot be compared. */
async function differencesOf(name, signal) {
  try {
    return await get(path("policies", name, "diff"), {}, signal);
  } catch (e) {
    if (e instanceof ApiError) return null;
    throw e;
  }
}

/* ---- what a person accepted ---- */

function untilText(until) {
  if (!until) return "for ever";
  return `${Date.parse(until) <= Date.now() ? "ended" : "until"} ${fullTime(until)}`;
}

function acceptedItem(name, e, changed) {
  const revoke = async () => {
    if (await attempt(() => post(path("policies", name, "revoke"), { id: e.id }), "Revoked: it is unusual again")) changed();
  };
  return h("li", { class: "finding" },
    h("p", null, h("code", null, e.text), e.forced ? h("span", { class: "badge severity-high" }, "forced") : null),
    h("p", { class: "soft small" }, `By ${e.by ?? "an unknown user"}, ${fullTime(e.time)}, ${
      untilText(e.until)}${e.reason ? `: ${e.reason}` : ""}`),
    h("div", { class: "row" }, h("button", { type: "button", onclick: revoke }, "Revoke")));
}

function draftItem(name, e, changed) {
  const drop = async () => {
    if (await attempt(() => post(path("policies", name, "revoke"), { id: e.id }), "The draft is dropped")) changed();
  };
  return h("li", { class: "finding" },
    h("p", null, h("code", null, e.text), h("span", { class: "badge" }, "draft")),
    h("p", { class: "soft small" }, "To put it in force: ", command("lutra policy accept --draft", shellWord(e.id), "--key KEY")),
    h("div", { class: "row" }, h("button", { type: "button", onclick: drop }, "Drop")));
}

class Accepted {
  /* fault: why not all of it is in force, or null */
  constructor(name, fault, signal) {
    this.name = name;
    this.fault = fault;
    this.signal = signal;
    this.list = h("ul", { class: "list" });
    this.byHand = h("div");
    this.element = card("Accepted by a person", this.list, this.byHand);
    this.drafts = 0;
    /* A draft is put in force by a command, somewhere else. */
    every(DRAFT_POLL_MS, signal, async () => {
      if (this.drafts && !this.list.contains(document.activeElement)) await this.load();
    });
  }

  /* What is accepted may be damaged: the policy itself is shown all the same. */
  async load() {
    try {
      this.show(await get(path("policies", this.name, "accepted"), {}, this.signal));
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      this.byHand.replaceChildren();
      this.list.replaceChildren(h("li", null, problem(e.message)));
    }
  }

  show({ entries, drafts, actions, varies }) {
    const again = () => quietly(() => this.load());
    this.drafts = drafts.length;
    const changes = Object.entries(actions);
    this.byHand.replaceChildren(...(this.fault ? [problem(`Not all of it is in force: ${this.fault}`)] : []), facts([
      ["Actions set by hand", changes.length ? chips(changes.map(([rule, action]) => `${rule}: ${action}`)) : null],
      ["Directories that vary", varies.length ? chips(varies) : null],
    ]));
    const items = [...drafts.map((e) => draftItem(this.name, e, again)), ...entries.map((e) => acceptedItem(this.name, e, again))];
    this.list.replaceChildren(...(items.length ? items
      : [h("li", { class: "empty" }, "Nothing. ", command("lutra review"), " walks through what was unusual.")]));
  }
}

export async function policy(main, signal, name) {
  const p = await get(path("policies", name), {}, signal);
  const diff = p.previous ? await differencesOf(name, signal) : null;
  main.append(h("h1", null, name));
  if (p.error) {
    main.append(problem(p.error));
    return;
  }
  const accepted = new Accepted(name, p.accepted_error, signal);
  await accepted.load();
  if (p.level_off) main.append(levelOff(p.image));
  main.append(about(p), accepted.element, ...(diff ? [differences(diff)] : []), h("div", { class: "two" }, alphabet(p), objects(p)),
    h("div", { class: "two" }, actions(p), runs(p)));
}
