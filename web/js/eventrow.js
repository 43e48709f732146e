// SPDX-License-Identifier: Apache-2.0
// An event as a line that leads to its page.
import { h, clock, when } from "./dom.js";
import { done, kindOf } from "./words.js";

export function eventRow(event, { fresh = false, long = false } = {}) {
  const f = event.output_fields;
  const about = f["lutra.object"] || f["evt.type"];
  return h("li", null,
    h("a", { class: `event${fresh ? " fresh" : ""}`, href: `#/event/${event.key}`, "data-key": event.key },
      h("span", { class: "soft small" }, long ? when(event.time) : clock(event.time)),
      h("span", null, h("span", { class: `badge ${kindOf(f)}` }, done(f))),
      h("span", { class: "what" },
        h("b", null, event.rule),
        h("span", null, `${f["container.name"]}: ${about} by ${f["proc.name"]}[${f["proc.pid"]}]`))));
}

/* A list that takes live events at its top and holds at most so many. */
export class EventList {
  constructor(max, options = {}) {
    this.max = max;
    this.options = options;
    this.element = h("ul", { class: "list" });
    this.empty = h("div", { class: "empty" }, options.empty ?? "Nothing yet.");
    this.box = h("div", null, this.element, this.empty);
    this.keys = new Set();
  }

  append(events) {
    for (const e of events) {
      if (this.keys.has(e.key)) continue;
      this.keys.add(e.key);
      this.element.append(eventRow(e, this.options));
    }
    this.empty.hidden = this.keys.size > 0;
  }

  prepend(event) {
    if (this.keys.has(event.key)) return;
    this.keys.add(event.key);
    this.element.prepend(eventRow(event, { ...this.options, fresh: true }));
    while (this.element.childElementCount > this.max) {
      this.keys.delete(this.element.lastElementChild.firstElementChild.dataset.key);
      this.element.lastElementChild.remove();
    }
    this.empty.hidden = true;
  }
}
