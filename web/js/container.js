// SPDX-License-Identifier: Apache-2.0
// One container: how unusual it is, what it did, what runs in it, and what can be done about it.
import { get, path, post } from "./api.js";
import { levelChart } from "./chart.js";
import { card, confirmed, facts, h, meter, number, problem, toast, when } from "./dom.js";
import { EventList } from "./eventrow.js";
import { every, settled } from "./poll.js";
import { modes, ratio } from "./words.js";

const KEPT = 600;

/* ---- levels ---- */

function levelRow(seconds, l) {
  return [seconds, 100 * ratio(l.a, l.th_a), 100 * ratio(l.b, l.th_b)];
}

function eventLevel(e) {
  const f = e.output_fields;
  return levelRow(Number(e.at) / 1e9, {
    a: f["lutra.a"], b: f["lutra.b"], th_a: f["lutra.th_a"], th_b: f["lutra.th_b"] });
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

/* ---- n-grams ---- */

/* Pairs of calls that weighed something, over the events: those that weigh most. */
function pairsOf(events) {
  const pairs = new Map();
  for (const e of events) {
    const history = e.output_fields["lutra.history"];
    for (let i = 1; i < history.length; i++) {
      if (!history[i].weight && !history[i].novel) continue;
      const name = `${history[i - 1].call} → ${history[i].call}`;
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
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Calls"), h("th", { scope: "col" }, "Role"),
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

async function attempt(what, said) {
  try {
    const answer = await what();
    toast(said);
    return answer;
  } catch (e) {
    toast(e.message);
    return null;
  }
}

class Actions {
  constructor(name, changed) {
    this.name = name;
    this.changed = changed;
    this.modes = h("select", { id: "mode" }, Object.keys(modes).map((m) => h("option", { value: m, disabled: m === "learn" }, m)));
    this.modes.addEventListener("change", () => this.setMode(this.modes.value));
    this.meaning = h("p", { class: "soft small" });
    this.freeze = h("button", { type: "button", onclick: () => this.turn() }, "Freeze");
    this.element = h("section", { class: "card" },
      h("h2", null, "What is done"),
      h("div", { class: "row" }, h("label", { for: "mode" }, "Mode"), this.modes),
      this.meaning,
      h("div", { class: "row" }, this.freeze,
        h("button", { type: "button", onclick: () => this.release() }, "Release"),
        h("button", { type: "button", class: "danger", onclick: () => this.kill() }, "Kill all processes")));
  }

  show(c) {
    this.container = c;
    this.modes.value = c.mode;
    this.meaning.textContent = modes[c.mode] ?? "";
    this.freeze.textContent = c.frozen ? "Thaw" : "Freeze";
  }

  async send(what, body, said) {
    const c = await attempt(() => post(path("containers", this.name, what), body), said);
    if (c) this.changed(c);
    else this.show(this.container);
  }

  /* A policy made from too little says so; whoever insists may have the mode. */
  async setMode(mode) {
    try {
      this.changed(await post(path("containers", this.name, "mode"), { mode }));
      toast(`${this.name}: mode ${mode}, from its next call on`);
    } catch (e) {
      this.show(this.container);
      if (e.status !== 409 || !/--force/.test(e.message)) toast(e.message);
      else if (await confirmed(`Mode ${mode} all the same?`, e.message, `Set ${mode}`))
        await this.send("mode", { mode, force: true }, `${this.name}: mode ${mode}, all the same`);
    }
  }

  turn() {
    return this.container.frozen ? this.send("thaw", {}, `${this.name} goes on`)
      : this.send("freeze", {}, `${this.name} is frozen`);
  }

  async release() {
    if (!await confirmed(`Release ${this.name}?`, "It runs on, and is no longer guarded.", "Release")) return;
    if (await attempt(() => post(path("containers", this.name, "release")), `${this.name} is released`)) location.hash = "#/";
  }

  async kill() {
    if (await confirmed(`Kill all processes of ${this.name}?`, "The container ends at once, with what it has not saved.", "Kill"))
      await this.send("kill", {}, `All processes of ${this.name} are killed`);
  }
}

function about(c) {
  const counters = c.counters;
  const policy = c.policy.split("/").at(-1);
  return card("About", facts([
    ["Image", c.image], ["Id", c.id], ["Pod", c.pod], ["Cgroup", c.cgroup],
    ["Under guard since", when(c.since)],
    ["Policy", policy ? h("a", { href: `#/policy/${encodeURIComponent(policy)}` }, policy) : "none yet"],
    ["In force since", policy ? when(c.policy_since) : null],
    ["Judged", `${number(counters.calls)} calls, ${number(counters.objects)} objects`],
    ["Verdicts", `${number(counters.alert)} alerts, ${number(counters.deny)} denied, ${number(counters.kill)} killed`],
  ]));
}

export async function container(main, name, signal) {
  const levels = new Levels(signal);
  const state = h("p", { class: "row" });
  const aboutBox = h("div");
  const pairsBox = h("div");
  const treeBox = h("div");
  const timeline = new EventList(100, { long: true, empty: "No evidence." });
  let known = [];

  const show = (c) => {
    state.replaceChildren(h("span", { class: "badge mode", id: "mode-now" }, c.mode),
      ...(c.frozen ? [h("span", { class: "badge kill" }, "frozen")] : []), h("span", { class: "soft" }, c.image ?? ""),
      ...(c.policy_error ? [problem(c.policy_error)] : []));
    aboutBox.replaceChildren(about(c));
    if (document.activeElement !== actions.modes) actions.show(c);
    levels.add(levelRow(Date.now() / 1000, c.level));
  };
  const actions = new Actions(name, (c) => {
    actions.show(c);
    show(c);
  });
  const look = async () => show(await get(path("containers", name), {}, signal));
  const lookAtProcesses = async () =>
    treeBox.replaceChildren(processTree((await get(path("containers", name, "processes"), {}, signal)).processes));
  const drawPairs = settled(250, () => pairsBox.replaceChildren(pairsTable(known)));

  main.append(h("div", { class: "stack" }, h("h1", null, name), state),
    h("div", { class: "two" }, card("Levels, in percent of the thresholds", levels.chart.element),
      h("div", { class: "stack" }, actions.element, aboutBox)),
    h("div", { class: "two" },
      h("section", { class: "card" }, h("h2", null, "Evidence"), h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Evidence" }, timeline.box)),
      h("div", { class: "stack" }, card("Unusual pairs of calls, by weight", pairsBox), card("Processes", treeBox))));
  const [page] = await Promise.all([
    get("events", { container: name, limit: 100 }, signal).catch(() => ({ events: [] })), look(), lookAtProcesses()]);
  known = page.events;
  timeline.append(known);
  levels.add(...known.map(eventLevel));
  pairsBox.replaceChildren(pairsTable(known));
  every(1000, signal, look);
  every(3000, signal, lookAtProcesses);
  return (event) => {
    if (event.output_fields["container.name"] !== name) return;
    known = [event, ...known].slice(0, 200);
    timeline.prepend(event);
    levels.add(eventLevel(event));
    drawPairs();
  };
}
