// SPDX-License-Identifier: Apache-2.0
// All containers, the last hour, and how lutra itself fares.
import { get } from "./api.js";
import { verdictChart } from "./chart.js";
import { bytes, card, h, meter, number, when } from "./dom.js";
import { EventList } from "./eventrow.js";
import { every, quietly, settled } from "./poll.js";

const PAGE = 50;

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
    tile(store.open ? number(store.lost) : "closed",
      store.open ? `events lost; ${number(store.stored)} kept, ${bytes(store.bytes)}` : "event store; see lutrad's log",
      !store.open || store.lost > 0),
    tile(status.lsm ? "BPF LSM" : "tracepoints",
      status.lsm ? "can refuse at the call" : "this kernel cannot refuse: it kills"),
  ];
}

function row(c) {
  return h("a", { class: "container", href: `#/container/${encodeURIComponent(c.name)}`, "data-name": c.name },
    h("span", { class: "name" }, h("b", null, c.name), h("span", null, c.image ?? "")),
    h("span", null, h("span", { class: "badge mode" }, c.frozen ? "frozen" : c.mode)),
    meter(c.level, `Level of ${c.name}`),
    h("span", { class: "when soft small" }, c.last_alert ? `alert ${when(c.last_alert)}` : "no alert"));
}

class Containers {
  constructor(signal) {
    this.signal = signal;
    this.offset = 0;
    this.list = h("div", { class: "containers" });
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
      this.list, this.pages);
  }

  turn(by) {
    this.offset = Math.max(0, this.offset + by);
    return quietly(() => this.load());
  }

  async load() {
    const turn = (this.asked = Symbol("turn"));
    const page = await get("containers", { limit: PAGE, offset: this.offset, q: this.filter.value }, this.signal);
    if (turn !== this.asked) return;
    const focused = document.activeElement?.dataset?.name;
    const rows = page.containers.map(row);
    this.list.replaceChildren(...(rows.length ? rows
      : [h("p", { class: "empty" }, "None. `lutra enroll` puts a container under guard.")]));
    if (focused) rows.find((r) => r.dataset.name === focused)?.focus({ preventScroll: true });
    const end = this.offset + page.containers.length;
    this.count.textContent = page.total > PAGE ? `${number(this.offset + 1)} to ${number(end)} of ${number(page.total)}` : "";
    this.pages.hidden = page.total <= PAGE;
    this.back.disabled = this.offset === 0;
    this.on.disabled = end >= page.total;
  }
}

export async function overview(main, name, signal) {
  const containers = new Containers(signal);
  const chart = verdictChart(signal);
  const top = h("div", { class: "tiles" });
  const latest = new EventList(5, { empty: "No events. That is the usual thing." });
  const look = async () => {
    const [status, verdicts] = await Promise.all([
      get("status", {}, signal), get("verdicts", { minutes: 60 }, signal)]);
    top.replaceChildren(...tiles(status, verdicts));
    chart.draw(verdicts);
  };
  main.append(h("h1", null, "Overview"), top,
    h("div", { class: "two" },
      card("Verdicts, last hour", chart.element),
      h("section", { class: "card" },
        h("div", { class: "row between" }, h("h2", null, "Latest"), h("a", { href: "#/events", class: "small" }, "All events")),
        latest.box)),
    containers.element);
  const [, , page] = await Promise.all([look(), containers.load(),
    get("events", { limit: 5 }, signal).catch(() => ({ events: [] }))]);
  latest.append(page.events);
  every(5000, signal, look);
  every(2000, signal, () => containers.load());
  const soon = settled(300, () => Promise.all([look(), containers.load()]));
  return (event) => {
    latest.prepend(event);
    soon();
  };
}
