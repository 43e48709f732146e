// SPDX-License-Identifier: Apache-2.0
// All incidents, newest first.
import { get } from "../api.js";
import { command, h, problem } from "../dom.js";
import { incidentRow } from "../incidentrow.js";
import { asked, settled } from "../poll.js";

const PAGE = 50;

/* of, id: the name and the id of a container, whose incidents are asked for at first, open and closed. */
export async function incidents(main, signal, of, id) {
  const state = h("select", { id: "state" }, [["open", "open"], ["closed", "closed"], ["", "all"]].map(([value, text]) => h("option", { value }, text)));
  const container = h("input", { id: "of", type: "search", placeholder: "exact name", autocomplete: "off" });
  if (of) {
    container.value = of;
    state.value = "";
  }
  const about = h("p", { class: "small", hidden: !id }, "Of the container with the id ", h("code", null, id?.slice(0, 12) ?? ""));
  const more = h("button", { type: "button" }, "Older incidents");
  const list = h("ul", { class: "list" });
  const empty = h("div", { class: "empty" });
  let next = null;

  const none = () => (state.value === "open" && !container.value.trim()
    ? ["No incident is open. ", command("lutra incidents --all"), " lists those that were closed too."] : ["No such incidents."]);
  const load = async (afresh) => {
    const page = await get("incidents", {
      limit: PAGE, state: state.value, container: container.value.trim(), container_id: id, before: afresh ? undefined : next }, signal);
    const rows = page.incidents.map((i) => incidentRow(i));
    if (afresh) list.replaceChildren(...rows);
    else list.append(...rows);
    next = page.next;
    more.hidden = !next;
    empty.replaceChildren(...none());
    empty.hidden = list.childElementCount > 0;
  };
  const refused = (message) => {
    list.replaceChildren();
    more.hidden = true;
    empty.replaceChildren(problem(message));
    empty.hidden = false;
  };
  state.addEventListener("change", () => asked(() => load(true), refused));
  container.addEventListener("change", () => {
    id = undefined;
    about.hidden = true;
    asked(() => load(true), refused);
  });
  more.addEventListener("click", () => asked(() => load(false), refused));
  main.append(h("h1", null, "Incidents"),
    h("section", { class: "card" },
      h("div", { class: "row" },
        h("div", { class: "row" }, h("label", { for: "state" }, "State"), state),
        h("div", { class: "row" }, h("label", { for: "of" }, "Container"), container)),
      about, list, empty, h("div", { class: "row" }, more)));
  await load(true);
  const soon = settled(300, () => (list.childElementCount <= PAGE ? load(true) : null));
  return { incident: soon };
}
