// SPDX-License-Identifier: Apache-2.0
// The first view: what is wrong, where, and what to do next; then all containers; then charts.
import { get } from "../api.js";
import { noteStatus } from "../banner.js";
import { verdictChart } from "../chart.js";
import { bytes, card, command, h, meter, number, shellWord, when } from "../dom.js";
import { EventList } from "../eventrow.js";
import { compareIncidents, incidentRow } from "../incidentrow.js";
import { every, quietly, settled } from "../poll.js";
import { containerHash } from "../words.js";

const PAGE = 50;
const INCIDENTS_ASKED = 50;
const INCIDENTS_SHOWN = 4;
const FINDINGS_SHOWN = 3;
const UNGUARDED_SHOWN = 5;

/* ---- what is wrong with lutra itself ---- */

function faults(status) {
  const { store } = status;
  const list = [];
  if (!store.open) list.push(["Events are not kept: the event store is closed.", "lutrad's log says why."]);
  else if (store.failing) list.push(["Events are not kept: the last write to the store failed.", "lutrad's log says why."]);
  if (store.lost) list.push([`${number(store.lost)} events were lost.`, ["See ", command("lutra status"), " and lutrad's log."]]);
  return list.map(([what, next]) => h("p", { class: "problem" }, h("b", null, what), " Guarding goes on. ", next));
}

/* ---- what happened ---- */

class Incidents {
  constructor(signal) {
    this.signal = signal;
    this.list = h("ul", { class: "list" });
    this.empty = h("p", { class: "empty" }, "No incident is open. ", command("lutra incidents --all"), " lists those that were closed too.");
    this.rest = h("a", { class: "small", href: "#/incidents" });
    this.element = h("section", { class: "card", id: "incidents" },
      h("div", { class: "row between" }, h("h2", null, "Open incidents"), this.rest), this.list, this.empty);
    this.known = new Map();
  }

  /* The rules of an incident are those of its findings; they are asked for again when it has grown. */
  async findingsOf(i) {
    const key = `${i.findings} ${i.end}`;
    const known = this.known.get(i.id);
    if (known?.key === key) return known.findings;
    const { findings } = await get("findings", { incident: i.id, limit: FINDINGS_SHOWN }, this.signal);
    this.known.set(i.id, { key, findings });
    return findings;
  }

  async load() {
    const { incidents, open } = await get("incidents", { state: "open", limit: INCIDENTS_ASKED }, this.signal);
    const first = incidents.sort(compareIncidents).slice(0, INCIDENTS_SHOWN);
    const findings = await Promise.all(first.map((i) => this.findingsOf(i)));
    this.open = open;
    this.element.classList.toggle("bad", first.some((i) => i.refused || i.killed));
    this.element.classList.toggle("warn", first.length > 0);
    this.list.replaceChildren(...first.map((i, n) => incidentRow(i, findings[n])));
    this.empty.hidden = first.length > 0;
    this.rest.textContent = open > first.length ? `All ${number(open)} open incidents` : "All incidents";
  }
}

/* What an operator said that it is at work on: what happens there is one incident. */
async function maintenanceLines(signal) {
  const { maintenance } = await get("maintenance", {}, signal);
  return maintenance.map((m) => h("p", { class: "small soft" },
    `Maintenance of ${m.image} until ${when(m.until)}: ${m.reason}${m.by ? ` (${m.by})` : ""}`));
}

/* The first line: whether anything needs a person. */
function headline(open, unguarded) {
  const parts = [];
  if (open) parts.push(open === 1 ? "1 open incident" : `${number(open)} open incidents`);
  if (unguarded) parts.push(unguarded === 1 ? "1 container without a guard" : `${number(unguarded)} containers without a guard`);
  return parts.join(", ") || "Nothing needs you";
}

/* ---- containers that nobody guards ---- */

function unguardedRow(c) {
  const name = c.name ?? c.pod_container ?? c.id.slice(0, 12);
  return h("li", { class: "unguarded" },
    h("span", { class: "name" }, h("b", null, name), h("span", { class: "soft small" }, c.image ?? "image not known"),
      h("span", { class: "soft small" }, c.why ?? "")),
    c.image ? command("lutra learn --image", shellWord(c.image))
      : command("lutra enroll --cgroup", shellWord(c.cgroup), "--policy NAME"));
}

class Unguarded {
  constructor() {
    this.list = h("ul", { class: "list" });
    this.title = h("h2");
    this.rest = h("p", { class: "soft small" });
    this.element = h("section", { class: "card warn", id: "unguarded", hidden: true }, this.title, this.list, this.rest);
  }

  show({ total, containers }) {
    const shown = containers.slice(0, UNGUARDED_SHOWN);
    this.element.hidden = total === 0;
    this.title.textContent = total === 1 ? "1 container runs without a guard" : `${number(total)} containers run without a guard`;
    const key = JSON.stringify(shown);
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...shown.map(unguardedRow));
    this.rest.textContent = total > shown.length ? `and ${number(total - shown.length)} more` : "";
  }
}

/* ---- containers ---- */

function row(c) {
  return h("a", { class: "container", href: containerHash(c.name, c.id), "data-name": c.name },
    h("span", { class: "name" }, h("b", null, c.name), h("span", null, c.image ?? "")),
    h("span", null, h("span", { class: `badge ${c.frozen ? "kill" : "mode"}` }, c.frozen ? "frozen" : c.mode)),
    meter(c.level, `Level of ${c.name}`),
    h("span", { class: "when soft small" }, c.last_alert ? `alert ${when(c.last_alert)}` : "no alert"));
}

class Containers {
  constructor(signal) {
    this.signal = signal;
    this.offset = 0;
    this.list = h("div", { class: "containers" });
    this.ended = new Ended(signal);
    this.count = h("span", { class: "soft small", role: "status" });
    this.filter = h("input", { type: "search", id: "filter", placeholder: "Name or image", autocomplete: "off" });
    this.back = h("button", { type: "button", class: "quiet", onclick: () => this.turn(-PAGE) }, "Previous");
    this.on = h("button", { type: "button", class: "quiet", onclick: () => this.turn(PAGE) }, "Next");
    this.pages = h("div", { class: "row end" }, this.back, this.on);
    this.filter.addEventListener("input", settled(20, () => {
      this.offset = 0;
      return this.load();
    }));
    this.element = h("section", { class: "card" },
      h("div", { class: "row" }, h("h2", null, "Containers"), this.count),
      h("div", null, h("label", { for: "filter", class: "visually-hidden" }, "Filter containers"), this.filter),
      this.list, this.pages, this.ended.element);
  }

  turn(by) {
    this.offset = Math.max(0, this.offset + by);
    return quietly(() => this.load());
  }

  none() {
    if (this.filter.value) return h("p", { class: "empty" }, "No container has that in its name or image.");
    return h("p", { class: "empty" }, "No container is guarded. ", command("lutra learn --image IMAGE"),
      " learns an image; from then on its containers are guarded.");
  }

  async load() {
    const turn = (this.asked = Symbol("turn"));
    const page = await get("containers", { limit: PAGE, offset: this.offset, q: this.filter.value }, this.signal);
    if (turn !== this.asked) return;
    const focused = document.activeElement?.dataset?.name;
    const rows = page.containers.map(row);
    this.list.replaceChildren(...(rows.length ? rows : [this.none()]));
    if (focused) rows.find((r) => r.dataset.name === focused)?.focus({ preventScroll: true });
    const end = this.offset + page.containers.length;
    this.count.textContent = page.total > PAGE ? `${number(this.offset + 1)} to ${number(end)} of ${number(page.total)}` : "";
    this.pages.hidden = page.total <= PAGE;
    this.back.disabled = this.offset === 0;
    this.on.disabled = end >= page.total;
  }
}

/* Those that ended or were released; each has its page as long as its events are kept. */
class Ended {
  constructor(signal) {
    this.signal = signal;
    this.title = h("summary");
    this.list = h("ul", { class: "list" });
    this.element = h("details", { class: "ended", hidden: true }, this.title, this.list);
  }

  async load() {
    const { containers, total } = await get("containers", { state: "ended", limit: PAGE }, this.signal);
    this.element.hidden = total === 0;
    this.title.textContent = total > containers.length ? `Ended: the last ${number(containers.length)} of ${number(total)}` : `Ended (${number(total)})`;
    this.list.replaceChildren(...containers.map((c) => h("li", null,
      h("a", { class: "container", href: containerHash(c.name, c.id) },
        h("span", { class: "name" }, h("b", null, c.name), h("span", null, c.image ?? "")),
        h("span", null, h("span", { class: "badge" }, "ended")),
        h("span", { class: "soft small mono" }, (c.id ?? "").slice(0, 12)),
        h("span", { class: "when soft small" }, `last event ${when(c.last_event)}`)))));
  }
}

/* ---- how lutra fares ---- */

function sum(list) {
  return list.reduce((a, b) => a + b, 0);
}

function tile(value, label, bad = false) {
  return h("div", { class: `card tile${bad ? " bad" : ""}` }, h("b", null, value), h("span", null, label));
}

function tiles(status, verdicts) {
  const modes = Object.entries(status.modes).filter(([, n]) => n).map(([m, n]) => `${number(n)} ${m}`);
  const { store } = status;
  return [
    tile(number(status.containers), `containers under guard${modes.length ? `: ${modes.join(", ")}` : ""}`),
    tile(number(sum(verdicts.alert)), "alerts in the last hour"),
    tile(number(sum(verdicts.deny) + sum(verdicts.kill)), "denied or killed in the last hour"),
    tile(store.open ? number(store.stored) : "closed",
      store.open ? `events kept, ${bytes(store.bytes)}` : "event store; see lutrad's log", !store.open),
    tile(status.lsm ? "BPF LSM" : "tracepoints",
      status.lsm ? "can refuse at the call" : "this kernel cannot refuse: it kills"),
  ];
}

/* ---- the view ---- */

export async function overview(main, signal) {
  const containers = new Containers(signal);
  const unguarded = new Unguarded();
  const incidents = new Incidents(signal);
  const title = h("h1", null, "Overview");
  const chart = verdictChart(signal);
  const wrong = h("div", { class: "stack", hidden: true });
  const maintained = h("div", { class: "stack", hidden: true });
  const top = h("div", { class: "tiles" });
  const latest = new EventList(5, { empty: ["No events. That is normal. ", command("lutra events -f"), " follows them in a terminal."] });
  const look = async () => {
    const [{ status, verdicts, unguarded: others }, lines] = await Promise.all([
      get("overview", { limit: 0 }, signal), maintenanceLines(signal), incidents.load()]);
    maintained.replaceChildren(...lines);
    maintained.hidden = lines.length === 0;
    noteStatus(status);
    const found = faults(status);
    wrong.replaceChildren(...found);
    wrong.hidden = found.length === 0;
    unguarded.show(others);
    title.textContent = headline(incidents.open, others.total);
    top.replaceChildren(...tiles(status, verdicts));
    chart.draw(verdicts);
  };
  main.append(title, wrong, incidents.element, maintained, unguarded.element, containers.element, top,
    h("div", { class: "two" },
      card("Verdicts, last hour", chart.element),
      h("section", { class: "card" },
        h("div", { class: "row between" }, h("h2", null, "Latest"), h("a", { href: "#/events", class: "small" }, "All events")),
        latest.box)));
  quietly(() => containers.ended.load());
  const [, , page] = await Promise.all([look(), containers.load(),
    get("events", { limit: 5 }, signal).catch(() => ({ events: [] }))]);
  latest.append(page.events);
  every(5000, signal, look);
  every(2000, signal, () => containers.load());
  every(10000, signal, () => containers.ended.load());
  const soon = settled(300, () => Promise.all([look(), containers.load()]));
  return {
    event: (event) => {
      latest.prepend(event);
      soon();
    },
    incident: soon,
  };
}
