// SPDX-License-Identifier: Apache-2.0
// One event, and why it was one: what came, and what training had seen in its place.
import { containerButtons } from "../actions.js";
import { ApiError, get, path } from "../api.js";
import { card, chips, facts, fullTime, h, meter, number, problem, svg } from "../dom.js";
import { EventList } from "../eventrow.js";
import { findingItem } from "../findings.js";
import { sessionText } from "../incidentrow.js";
import { containerHash, done, doneLong, entryName, kindOf, ratio } from "../words.js";

const TRIES = 10;
const PAUSE = 200;
const NEIGHBOURS = 20;
const MINUTE_NS = 60_000_000_000n;

/* One that has just come is on its way to the disk. */
async function fetchEvent(key, signal) {
  for (let i = 1; ; i++) {
    try {
      return await get(path("events", key), {}, signal);
    } catch (e) {
      if (!(e instanceof ApiError) || e.status !== 404 || i === TRIES) throw e;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/* ---- the object ---- */

/* The text with the part that no known one has in bold. */
function cameText(came, known) {
  let shared = 0;
  for (const k of known) {
    let i = 0;
    while (i < k.length && i < came.length && k[i] === came[i]) i++;
    shared = Math.max(shared, i);
  }
  shared = came.lastIndexOf("/", shared - 1) + 1 || came.lastIndexOf(" ", shared - 1) + 1;
  return [came.slice(0, shared), h("b", null, came.slice(shared))];
}

function objectCard(f, why) {
  const came = f["lutra.object"];
  if (!came) return null;
  const operation = came.split(" ")[0];
  const known = why.objects;
  return card("What was touched",
    h("h3", null, "It came"),
    h("ul", { class: "paths" }, h("li", { class: "came" }, cameText(came, known))),
    h("h3", null, known.length ? `Expected there: what training saw for “${operation}”, most alike first`
      : "Expected there"),
    known.length ? h("ul", { class: "paths" }, known.map((k) => h("li", null, k)))
      : h("p", { class: "soft" }, `Nothing: no recorded run ever did “${operation}”.`),
    known.length ? h("p", { class: "soft small" }, "# stands for digits, * for names that changed from run to run.") : null);
}

/* ---- the calls and objects ---- */

const TALLEST = 765; // three table levels, 255 each

function entryColumn(past) {
  const height = past.weight ? Math.max(3, (past.weight / TALLEST) * 60) : 1;
  const kind = past.novel ? "novel" : past.weight ? "odd" : "";
  return h("li", { class: kind, title: `${entryName(past)}, role ${past.role}, weight ${past.weight}${past.novel ? ", never seen" : ""}` },
    svg("svg", { viewBox: "0 0 14 60", "aria-hidden": "true" },
      svg("rect", { class: "ground", width: 14, height: 60, rx: 3 }),
      svg("rect", { class: "weight", y: 60 - height, width: 14, height, rx: 3 })),
    h("span", null, entryName(past)));
}

function step(s) {
  return h("div", { class: "step" },
    h("span", { class: "mono" }, s.after),
    h("span", { class: "arrow", "aria-hidden": "true" }, "→"),
    h("div", { class: "ways" },
      h("div", null, h("span", null, "came"), chips([s.came], "came")),
      h("div", null, h("span", null, "expected"), s.expected.length ? chips(s.expected, "known")
        : h("span", { class: "soft" }, `${s.after} itself was unknown here`))));
}

function callsCard(f, why) {
  const history = f["lutra.history"];
  if (!history.length) return null;
  const odd = why.calls.slice(-8);
  return card("The calls and objects before it",
    h("p", { class: "soft small" }, "Oldest first. A bar is how unusual the call or object was after the one before: none for what " +
      "training saw, amber for a new order, red for what it never saw in this role."),
    h("ol", { class: "calls", tabindex: "0", "aria-label": "The last calls and objects, oldest first" }, history.map(entryColumn)),
    odd.length ? [h("h3", null, "Where it left the known way"), ...odd.map(step)]
      : h("p", { class: "soft" }, "All of these were as training saw them: what was touched is what is new."));
}

/* ---- level and facts ---- */

function levelMeter(level, threshold, name) {
  return meter(threshold > 0 ? { ratio: ratio(level, threshold) } : null, name);
}

function levelCard(f) {
  return card("Levels of the process",
    h("p", { class: "soft small" }, "M: how unusual its last calls and objects were, together."),
    levelMeter(f["lutra.m"], f["lutra.th_m"], "Level M"),
    h("p", { class: "soft small" }, "N: how many of them came after one another as training never saw."),
    levelMeter(f["lutra.n"], f["lutra.th_n"], "Level N"));
}

/* Who opened the exec session that the event is of, as far as its incident knows. */
async function sessionOf(f, signal) {
  if (!f["lutra.exec_session"]) return "no";
  const incident = f["lutra.incident"] ? await get(path("incidents", String(f["lutra.incident"])), {}, signal).catch(() => null) : null;
  return incident?.session ? sessionText(incident.session) : "yes: somebody joined the running container from outside";
}

function factsCard(event, text, session) {
  const f = event.output_fields;
  return card("Who and where", facts([
    ["When", fullTime(event.time)],
    ["Container", h("a", { href: containerHash(f["container.name"], f["container.id"]) }, f["container.name"])],
    ["Image", f["container.image"]],
    ["Process", `${f["proc.name"]}[${f["proc.pid"]}]`],
    ["Command line", f["proc.cmdline"]],
    ["Program", f["proc.exepath"]],
    ["Working directory", f["proc.cwd"]],
    ["User", f["user.name"] ? `${f["user.name"]} (${f["user.uid"]})` : f["user.uid"]],
    ["Started by", f["lutra.lineage"]],
    ["Program that started it", f["lutra.starter"]],
    ["Exec session", session],
    ["Package", f["lutra.package"]],
    ["Role", f["lutra.role"]],
    ["Call", f["evt.type"]],
    ["Rule", `${f["lutra.group"]}: ${text}`],
    ["Mode", f["lutra.mode"]],
    ["First unusual event", f["lutra.since_calls"] ? `${number(f["lutra.since_calls"])} calls and ${
      (f["lutra.since_ns"] / 1e6).toFixed(1)} ms before` : "this one"],
    ["Policy", f["lutra.policy"]],
    ["Seen by", f["lutra.standin"] ? "a tracepoint" : f["lutra.object"] ? "a hook" : "the call's entry"],
  ]));
}

/* The finding that an event is one of; nothing for an event without one. */
async function findingCard(id, signal) {
  if (!id) return "";
  try {
    return card("What was unusual", h("ul", { class: "list" }, findingItem(await get(path("findings", id), {}, signal))));
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return "";
    throw e;
  }
}

/* ---- what happened around it ---- */

/* The events after it, nearest first. A page has the newest of its time: the time is made shorter until all fit. */
async function fetchAfter(query, at, signal) {
  for (let span = MINUTE_NS; ; span /= 10n) {
    const { events, next } = await get("events", { ...query, limit: 200, since: at + 1n, until: at + span }, signal);
    if (!next || span < 1000n) return events.reverse().slice(0, NEIGHBOURS);
  }
}

/* What the container did in the minute before and after, oldest first. */
async function fetchNeighbours(e, signal) {
  const f = e.output_fields;
  const at = BigInt(e.at);
  const query = f["lutra.incident"] ? { incident: f["lutra.incident"] }
    : { container: f["container.name"], container_id: f["container.id"] };
  const [before, after] = await Promise.all([
    get("events", { ...query, limit: NEIGHBOURS, since: at - MINUTE_NS, until: at }, signal), fetchAfter(query, at, signal)]);
  return [...before.events.reverse(), ...after];
}

function neighbourLink(event, text) {
  return event ? h("a", { class: "button", href: `#/event/${event.key}` }, text) : null;
}

function neighboursCard(e, neighbours) {
  const at = neighbours.findIndex((n) => n.key === e.key);
  const list = new EventList(2 * NEIGHBOURS, { long: true });
  const box = h("div", { class: "scroll around", tabindex: "0", role: "region", "aria-label": "Events around this one" }, list.box);
  list.append(neighbours);
  list.element.querySelector(`[data-key="${e.key}"]`)?.setAttribute("aria-current", "true");
  return card(e.output_fields["lutra.incident"] ? "The same incident, a minute before and after" : "What this container did in the minute before and after", box,
    at < 0 ? null : h("div", { class: "row" },
      neighbourLink(neighbours[at - 1], "The one before"), neighbourLink(neighbours[at + 1], "The one after")));
}

/* Scrolls the list to this event. */
function showCurrent(main) {
  const current = main.querySelector(".around [aria-current]");
  const box = main.querySelector(".around");
  if (current) box.scrollTop += current.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
}

export async function event(main, signal, key) {
  const [e, { rules }] = await Promise.all([fetchEvent(key, signal), get("rules", {}, signal)]);
  const f = e.output_fields;
  const text = rules.find((r) => r.name === f["lutra.group"])?.text ?? "This lutrad has no text for the rule.";
  const [neighbours, findings, session] = await Promise.all([
    fetchNeighbours(e, signal), findingCard(f["lutra.finding"], signal), sessionOf(f, signal)]);
  main.append(
    h("div", { class: "stack" },
      h("p", { class: "row soft small" }, h("span", { class: `badge ${kindOf(f)}` }, done(f)), fullTime(e.time),
        h("a", { href: containerHash(f["container.name"], f["container.id"]) }, f["container.name"])),
      h("h1", null, e.rule),
      h("div", { class: `verdict-line ${kindOf(f)}` },
        h("p", { class: "headline" }, text),
        h("p", { class: "soft" }, doneLong(f)))),
    h("div", { class: "row" },
      f["lutra.incident"] ? h("a", { class: "button", href: `#/incident/${f["lutra.incident"]}` }, "Open the incident") : null,
      containerButtons(f["container.name"], f["container.id"], signal)),
    findings,
    ...[e.why.error ? problem(`What was expected there is not known: ${e.why.error}`) : null,
      objectCard(f, e.why), callsCard(f, e.why)].filter(Boolean),
    h("div", { class: "two" }, factsCard(e, text, session),
      h("div", { class: "stack" }, levelCard(f), neighboursCard(e, neighbours))),
    h("details", { class: "card" }, h("summary", null, "All of it, as JSON"),
      h("pre", { class: "scroll", tabindex: "0", "aria-label": "The event as JSON" }, JSON.stringify(e, null, 2))));
  main.addEventListener("shown", () => showCurrent(main));
}
