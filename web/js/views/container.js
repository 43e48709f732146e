// SPDX-License-Identifier: Apache-2.0
// One container, by its id: how unusual it is, what it did, what runs in it, what can be done.
import { attempt, change, policyLink, StopButtons } from "../actions.js";
import { ApiError, get, path } from "../api.js";
import { levelChart } from "../chart.js";
import { card, confirmed, facts, levelOff, fullTime, h, meter, number, problem, toast } from "../dom.js";
import { EventList } from "../eventrow.js";
import { every, settled } from "../poll.js";
import { containerHash, entryName, incidentsHash, modes, policyName, ratio } from "../words.js";

const KEPT = 600;

/* ---- levels ---- */

/* Of levels M and N, the one that is nearer to its threshold. */
function levelRow(seconds, l) {
  return [seconds, 100 * Math.max(ratio(l.m, l.th_m), ratio(l.n, l.th_n))];
}

/* The level at each event that has one: an event of a policy without level M has none. */
function eventLevels(events) {
  return events.filter((e) => e.output_fields["lutra.th_m"] > 0).map((e) => levelRow(Number(e.at) / 1e9, {
    m: e.output_fields["lutra.m"], th_m: e.output_fields["lutra.th_m"],
    n: e.output_fields["lutra.n"], th_n: e.output_fields["lutra.th_n"] }));
}

class Levels {
  constructor(signal) {
    this.chart = levelChart(signal);
    this.rows = [];
  }

  add(...rows) {
    this.rows.push(...rows);
    this.rows.sort((x, y) => x[0] - y[0]);
    this.rows.splice(0, this.rows.length - KEPT);
    this.chart.draw(this.rows);
  }
}

/* ---- pairs of calls and objects ---- */

/* Pairs of calls and objects that weighed something, over the events: those that weigh most. */
function pairsOf(events) {
  const pairs = new Map();
  for (const e of events) {
    const history = e.output_fields["lutra.history"];
    for (let i = 1; i < history.length; i++) {
      if (!history[i].weight && !history[i].novel) continue;
      const name = `${entryName(history[i - 1])} → ${entryName(history[i])}`;
      const known = pairs.get(name) ?? { name, role: history[i].role, weight: 0, novel: false, n: 0 };
      known.weight = Math.max(known.weight, history[i].weight);
      known.novel ||= history[i].novel;
      known.n++;
      pairs.set(name, known);
    }
  }
  return [...pairs.values()].sort((x, y) => y.weight - x.weight || y.n - x.n).slice(0, 12);
}

function pairsTable(events) {
  const pairs = pairsOf(events);
  if (!pairs.length) return h("p", { class: "empty" }, "None that training had not seen.");
  return h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Pair"), h("th", { scope: "col" }, "Role"),
      h("th", { scope: "col", class: "number" }, "Weight"), h("th", { scope: "col", class: "number" }, "Seen"))),
    h("tbody", null, pairs.map((p) => h("tr", null,
      h("td", null, h("code", null, p.name), p.novel ? h("span", { class: "badge kill" }, "never seen") : null),
      h("td", null, p.role), h("td", { class: "number" }, p.weight), h("td", { class: "number" }, number(p.n))))));
}

/* ---- processes ---- */

function processTree(processes) {
  if (!processes.length) return h("p", { class: "empty" }, "No process runs in it.");
  const pids = new Set(processes.map((p) => p.pid));
  const below = (pid) => processes.filter((p) => p.ppid === pid && p.pid !== pid);
  const item = (p) => h("li", null,
    h("div", { class: "process" },
      h("span", null, h("code", null, p.name), h("span", { class: "soft small" }, ` ${p.pid}${p.role ? `, ${p.role}` : ""}`)),
      meter(p.level, `Level of process ${p.pid}`)),
    below(p.pid).length ? h("ul", null, below(p.pid).map(item)) : null);
  return h("ul", { class: "tree" }, processes.filter((p) => !pids.has(p.ppid)).map(item));
}

/* ---- what can be done ---- */

class Actions {
  constructor(changed) {
    this.changed = changed;
    this.modes = h("select", { id: "mode" }, Object.keys(modes).map((m) => h("option", { value: m, disabled: m === "learn" }, m)));
    this.modes.addEventListener("change", () => this.setMode(this.modes.value));
    this.meaning = h("p", { class: "soft small" });
    this.stop = new StopButtons(changed);
    this.element = h("section", { class: "card" },
      h("h2", null, "What can be done"),
      h("div", { class: "row" }, h("label", { for: "mode" }, "Mode"), this.modes),
      this.meaning,
      h("div", { class: "row" }, this.stop.elements[0],
        h("button", { type: "button", onclick: () => this.release() }, "Release"), this.stop.elements[1]));
  }

  show(c) {
    this.container = c;
    this.modes.value = c.mode;
    this.meaning.textContent = modes[c.mode] ?? "";
    this.stop.show(c);
  }

  async force(mode) {
    const { name } = this.container;
    const c = await attempt(() => change(this.container, "mode", { mode, force: true }), `${name}: mode ${mode}, all the same`);
    if (c) this.changed(c);
    else this.show(this.container);
  }

  /* A policy made from too little says so; whoever insists may have the mode. */
  async setMode(mode) {
    try {
      this.changed(await change(this.container, "mode", { mode }));
      toast(`${this.container.name}: mode ${mode}, from its next call on`);
    } catch (e) {
      this.show(this.container);
      if (e.status !== 409 || !/--force/.test(e.message)) toast(e.message);
      else if (await confirmed(`Mode ${mode} all the same?`, e.message, `Set ${mode}`)) await this.force(mode);
    }
  }

  async release() {
    const { name } = this.container;
    if (!await confirmed(`Release ${name}?`, "It runs on, and is no longer guarded.", "Release")) return;
    if (await attempt(() => change(this.container, "release"), `${name} is released`)) location.hash = "#/";
  }
}

function aboutPolicy(dir) {
  const name = policyName(dir);
  return name ? h("a", { href: `#/policy/${encodeURIComponent(name)}` }, name) : "none yet";
}

function about(c) {
  const counters = c.counters;
  return card("About", facts([
    ["Image", c.image], ["Id", c.id], ["Pod", c.pod], ["Cgroup", c.cgroup],
    ["Under guard since", fullTime(c.since)],
    ["Policy", aboutPolicy(c.policy)],
    ["In force since", c.policy ? fullTime(c.policy_since) : null],
    ["Judged", `${number(counters.calls)} calls, ${number(counters.objects)} objects`],
    ["Incidents", h("a", { href: incidentsHash(c.name, c.id) }, "open and closed ones")],
    ["Verdicts", `${number(counters.alert)} alerts, ${number(counters.deny)} denied, ${number(counters.kill)} killed`],
  ]));
}

/* ---- one that has ended ---- */

function aboutEnded(c) {
  return card("About", facts([
    ["Image", c.image], ["Id", c.id], ["Pod", c.pod], ["Cgroup", c.cgroup], ["Mode", c.mode],
    ["Policy", aboutPolicy(c.policy)], ["Last event", fullTime(c.last_event)],
    ["Incidents", h("a", { href: incidentsHash(c.name, c.id) }, "open and closed ones")],
  ]), h("div", { class: "row" }, policyLink(c.policy)));
}

/* Another container that has the name now; null: none has it. */
async function successorOf(c, signal) {
  try {
    const now = await get(path("containers", c.name), {}, signal);
    return now.ended ? null : now;
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return null;
    throw e;
  }
}

async function endedContainer(main, signal, c, timeline, known) {
  const successor = await successorOf(c, signal);
  main.append(
    h("div", { class: "stack" }, h("h1", null, c.name),
      h("p", { class: "row" }, h("span", { class: "badge" }, "ended"), h("span", { class: "soft" }, c.image ?? "")),
      h("p", null, "This container no longer runs, or is no longer guarded. It is shown as long as its events are kept. ",
        successor ? h("a", { href: containerHash(successor.name, successor.id) }, "Another one has its name now") : null)),
    h("div", { class: "two" },
      card("Evidence", h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Evidence" }, timeline.box)),
      h("div", { class: "stack" }, aboutEnded(c), card("Unusual pairs of calls and objects, by weight", pairsTable(known)))));
}

/* ---- the view ---- */

async function runningContainer(main, signal, first, timeline, events) {
  const { name, id } = first;
  const levels = new Levels(signal);
  const state = h("p", { class: "row" });
  const aboutBox = h("div");
  const pairsBox = h("div", null, pairsTable(events));
  const treeBox = h("div");
  let known = events;

  const show = (c) => {
    state.replaceChildren(h("span", { class: "badge mode", id: "mode-now" }, c.mode),
      ...(c.frozen ? [h("span", { class: "badge kill" }, "frozen")] : []), h("span", { class: "soft" }, c.image ?? ""),
      ...(c.policy_error ? [problem(c.policy_error)] : []), ...(c.level_off ? [levelOff(c.image)] : []));
    aboutBox.replaceChildren(about(c));
    if (document.activeElement !== actions.modes) actions.show(c);
    levels.add(levelRow(Date.now() / 1000, c.level));
  };
  const actions = new Actions((c) => {
    actions.show(c);
    show(c);
  });
  const look = async () => {
    const c = await get(path("containers", name), { id }, signal);
    if (c.ended) window.dispatchEvent(new Event("hashchange"));
    else show(c);
  };
  const lookAtProcesses = async () =>
    treeBox.replaceChildren(processTree((await get(path("containers", name, "processes"), {}, signal)).processes));
  const drawPairs = settled(250, () => pairsBox.replaceChildren(pairsTable(known)));

  main.append(h("div", { class: "stack" }, h("h1", null, name), state),
    h("div", { class: "two" },
      h("div", { class: "stack" }, actions.element, aboutBox),
      h("section", { class: "card" }, h("h2", null, "Evidence"), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Evidence" }, timeline.box))),
    h("div", { class: "two" },
      card("Levels M and N, the higher, in percent of its threshold", levels.chart.element),
      h("div", { class: "stack" }, card("Unusual pairs of calls and objects, by weight", pairsBox), card("Processes", treeBox))));
  show(first);
  levels.add(...eventLevels(known));
  await lookAtProcesses();
  every(1000, signal, look);
  every(3000, signal, lookAtProcesses);
  return {
    event: (event) => {
      const f = event.output_fields;
      if (f["container.name"] !== name || (id && f["container.id"] !== id)) return;
      known = [event, ...known].slice(0, 200);
      timeline.prepend(event);
      levels.add(...eventLevels([event]));
      drawPairs();
    },
  };
}

export async function container(main, signal, name, wanted) {
  const first = await get(path("containers", name), { id: wanted }, signal);
  const timeline = new EventList(100, { long: true, empty: "No evidence." });
  const page = await get("events", { container: first.name, container_id: first.id, limit: 100 }, signal)
    .catch(() => ({ events: [] }));
  timeline.append(page.events);
  return first.ended ? endedContainer(main, signal, first, timeline, page.events)
    : runningContainer(main, signal, first, timeline, page.events);
}
