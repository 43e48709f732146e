// SPDX-License-Identifier: Apache-2.0
// One incident: what happened, who did it, what was stopped, and the buttons of what can be done.
import { attempt, containerButtons } from "../actions.js";
import { get, path, post } from "../api.js";
import { card, facts, fullTime, h, number } from "../dom.js";
import { EventList } from "../eventrow.js";
import { findingItem } from "../findings.js";
import { capitalised, incidentBadges, incidentLine, sessionText } from "../incidentrow.js";
import { settled } from "../poll.js";
import { containerHash } from "../words.js";

const OTHERS = 6;

/* ---- what happened ---- */

function factsCard(i) {
  return card("Who and where", facts([
    ["Container", h("a", { href: containerHash(i.container, i.container_id) }, i.container)],
    ["Id", i.container_id], ["Image", i.image], ["Host", i.host],
    ["Began", fullTime(i.begin)], ["Last event", fullTime(i.end)],
    ["Exec session", i.session ? sessionText(i.session) : "no: the container's own processes"],
    ["Maintenance", i.maintenance ? `${i.maintenance.reason}, until ${fullTime(i.maintenance.until)}` : null],
    ["Events", number(i.events)],
    ["Stopped", i.refused || i.killed ? `${number(i.refused)} refused, ${number(i.killed)} killed` : "nothing"],
    ["Kinds", i.kinds.join(", ")],
  ]));
}

function processTree(processes) {
  if (!processes.length) return h("p", { class: "empty" }, "Not known.");
  const pids = new Set(processes.map((p) => p.pid));
  const drawn = new Set();
  const item = (p) => {
    drawn.add(p.pid);
    const below = processes.filter((q) => q.ppid === p.pid && !drawn.has(q.pid));
    return h("li", null,
      h("div", { class: "process" },
        h("span", null, h("code", null, p.name), h("span", { class: "soft small" }, ` ${p.pid}`)),
        h("span", { class: "soft small" }, p.events ? `${number(p.events)} event${p.events === 1 ? "" : "s"}` : "no event of its own")),
      below.length ? h("ul", null, below.map(item)) : null);
  };
  return h("ul", { class: "tree" }, processes.filter((p) => !pids.has(p.ppid) || p.ppid === p.pid).map(item));
}

function eventsCard(i) {
  const list = new EventList(50, { long: true, empty: "Its events are not kept any more." });
  list.append(i.events_shown);
  return h("section", { class: "card" },
    h("div", { class: "row between" }, h("h2", null, i.events > i.events_shown.length ? `The first ${number(i.events_shown.length)} events` : "Its events"),
      h("a", { class: "small", href: `#/events/incident/${i.id}` }, "All its events")),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Events" }, list.box));
}

/* The other incidents of the container, the newest first. */
async function othersCard(i, signal) {
  const { incidents } = await get("incidents", { container: i.container, limit: OTHERS + 1 }, signal);
  const others = incidents.filter((o) => o.id !== i.id).slice(0, OTHERS);
  return h("section", { class: "card" },
    h("div", { class: "row between" }, h("h2", null, `Other incidents of ${i.container}`),
      h("a", { class: "small", href: `#/incidents/${encodeURIComponent(i.container)}` }, "All of them")),
    others.length ? h("ul", { class: "list" }, others.map(incidentLine)) : h("p", { class: "empty" }, "None."));
}

/* ---- its state and note ---- */

function stateBox(i, changed) {
  const note = h("input", { type: "text", id: "note", maxlength: 400, placeholder: "What it was", value: i.note ?? "" });
  const send = async (what, body, said) => {
    const answer = await attempt(() => post(path("incidents", String(i.id), what), body), said);
    if (answer) changed(answer);
  };
  const text = () => note.value.trim();
  return h("section", { class: "card" },
    h("h2", null, i.state === "open" ? "Is it dealt with?" : "It is closed"),
    h("div", null, h("label", { for: "note" }, "Note"), note),
    h("div", { class: "row" },
      i.state === "open"
        ? h("button", { type: "button", class: "primary", onclick: () => send("close", text() ? { note: text() } : {}, "The incident is closed") }, "Close the incident")
        : h("button", { type: "button", onclick: () => send("open", {}, "The incident is open again") }, "Open it again"),
      h("button", { type: "button", onclick: () => send("note", { note: text() }, "The note is kept") }, "Keep the note")));
}

export async function incident(main, signal, id) {
  const top = h("div", { class: "stack" });
  const findings = h("ul", { class: "list" });
  const about = h("div", { class: "stack" });
  const bottom = h("div", { class: "two" });
  const state = h("div");
  let buttons = null;

  const showTop = (i) => {
    buttons ??= containerButtons(i.container, i.container_id, signal);
    top.replaceChildren(h("p", { class: "row small" }, incidentBadges(i), h("span", { class: "soft" }, `${fullTime(i.begin)}`),
      h("a", { href: containerHash(i.container, i.container_id) }, i.container)),
    h("h1", null, capitalised(i.sentence)), buttons);
  };
  /* The answer to a change has it; the store has it a moment later. */
  const changed = (i) => {
    showTop(i);
    state.replaceChildren(stateBox(i, changed));
  };
  const look = async () => {
    const i = await get(path("incidents", id), {}, signal);
    showTop(i);
    if (!findings.querySelector(".reading"))
      findings.replaceChildren(...(i.findings.length ? i.findings.map((f) => findingItem(f))
        : [h("li", { class: "empty" }, "No finding: what happened is only noted.")]));
    if (!state.contains(document.activeElement)) state.replaceChildren(stateBox(i, changed));
    about.replaceChildren(factsCard(i), card("Processes", processTree(i.processes)));
    bottom.replaceChildren(eventsCard(i), await othersCard(i, signal));
  };
  main.append(top, h("div", { class: "two" }, card("What was unusual", findings), h("div", { class: "stack" }, state, about)), bottom);
  await look();
  const soon = settled(500, look);
  return { incident: (i) => { if (String(i.id) === id) soon(); } };
}
