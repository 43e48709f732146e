// SPDX-License-Identifier: Apache-2.0
// All stored events, newest first.
import { get } from "../api.js";
import { command, h, problem } from "../dom.js";
import { EventList } from "../eventrow.js";
import { asked } from "../poll.js";

const PAGE = 50;

function choice(id, label, options) {
  return h("div", { class: "row" }, h("label", { for: id }, label),
    h("select", { id }, options.map(([value, text]) => h("option", { value }, text))));
}

/* by: "incident", with the number of one; else all. */
export async function events(main, signal, by, value) {
  const incident = by === "incident" ? value : undefined;
  const verdict = choice("verdict", "Verdict",
    [["", "all"], ["allow", "noted"], ["alert", "alert"], ["deny", "deny"], ["kill", "kill"]]);
  const container = h("input", { id: "of", type: "search", placeholder: "exact name", autocomplete: "off" });
  const more = h("button", { type: "button" }, "Older events");
  const box = h("div");
  let list, next;

  const none = () => (verdict.querySelector("select").value || container.value.trim() ? "No such events."
    : ["No events. That is normal. ", command("lutra events -f"), " follows them in a terminal."]);
  const begin = (empty) => {
    list = new EventList(1000, { long: true, empty });
    box.replaceChildren(list.box);
  };
  const load = async (afresh) => {
    const query = { limit: PAGE, incident, verdict: verdict.querySelector("select").value, container: container.value.trim() };
    const page = await get("events", { ...query, before: afresh ? undefined : next }, signal);
    if (afresh) begin(none());
    list.append(page.events);
    next = page.next;
    more.hidden = !next;
  };

  const refused = (message) => {
    begin(problem(message));
    more.hidden = true;
  };

  verdict.addEventListener("change", () => asked(() => load(true), refused));
  container.addEventListener("change", () => asked(() => load(true), refused));
  more.addEventListener("click", () => asked(() => load(false), refused));
  main.append(h("h1", null, incident ? `Events of incident ${incident}` : "Events"),
    h("section", { class: "card" },
      h("div", { class: "row" }, verdict,
        h("div", { class: "row" }, h("label", { for: "of" }, "Container"), container)),
      box, h("div", { class: "row" }, more)));
  await load(true);
  return {
    event: (event) => {
      const f = event.output_fields;
      const wanted = verdict.querySelector("select").value;
      const of = container.value.trim();
      if ((!incident || String(f["lutra.incident"]) === incident) && (!wanted || wanted === f["lutra.verdict"]) && (!of || of === f["container.name"])) list.prepend(event);
    },
  };
}
