// SPDX-License-Identifier: Apache-2.0
// Findings: what was unusual, and the buttons that say that it is fine from now on.
import { attempt } from "./actions.js";
import { ApiError, get, path, post } from "./api.js";
import { command, confirmed, fullTime, h, number, shellWord, toast } from "./dom.js";
import { every } from "./poll.js";

const DAY_MS = 86_400_000;
const DRAFT_POLL_MS = 3000;
const spans = [["", "for ever"], ["1", "for a day"], ["7", "for a week"], ["30", "for 30 days"]];

function about(f) {
  return h("p", { class: "soft small" },
    `${f.count === 1 ? "Once" : `${number(f.count)} times`}, by ${f.program || "an unknown program"}, role ${f.role}${
      f.exec_session ? ", in an exec session" : ""}; ${f.count === 1 ? fullTime(f.last) : `first ${fullTime(f.first)}, last ${fullTime(f.last)}`}${
      f.containers.length > 1 ? `; in ${f.containers.join(", ")}` : ""}.`);
}

/* ---- what is accepted ---- */

/* The readings of a finding, narrow to wide: each a button that accepts it so. */
class Readings {
  constructor(finding, changed) {
    this.finding = finding;
    this.changed = changed;
    this.reason = h("input", { type: "text", maxlength: 200, "aria-label": "Reason", placeholder: "Why this is fine" });
    this.until = h("select", { "aria-label": "Until when" }, spans.map(([value, text]) => h("option", { value }, text)));
    this.element = h("div", { class: "readings" });
  }

  async open() {
    const { readings, signed } = await get(path("findings", this.finding.id, "readings"));
    this.element.replaceChildren(
      h("p", { class: "small" }, signed ? "Policies must be signed here. A button makes a draft; the command that it names puts it in force."
        : "A button changes the policy at once, and training keeps the change. Choose the narrowest one that fits."),
      h("div", { class: "row" }, this.reason, this.until),
      ...readings.map((r) => h("div", { class: "reading" },
        h("button", { type: "button", class: r.danger ? "risky" : "", onclick: () => this.accept(r) }, r.text),
        r.danger ? h("span", { class: "small risk" }, r.danger) : null)));
    this.element.querySelector("input").focus();
  }

  async accept(reading) {
    if (reading.danger && !await confirmed("Accept this all the same?", reading.danger, "Accept")) return;
    const body = { scope: reading.scope, text: reading.text, ...(reading.danger ? { force: true } : {}) };
    if (this.reason.value.trim()) body.reason = this.reason.value.trim();
    if (this.until.value) body.until = new Date(Date.now() + Number(this.until.value) * DAY_MS).toISOString().replace(/\.\d+Z$/, "Z");
    const done = await attempt(() => post(path("findings", this.finding.id, "accept"), body), "Accepted");
    if (!done) return;
    if (done.draft) {
      toast("A draft was made");
      this.element.replaceChildren(h("p", { class: "small" }, "A draft was made. To put it in force: ",
        command("lutra policy accept --draft", shellWord(done.id), "--key KEY")));
      this.followDraft();
    } else {
      this.changed();
    }
  }

  /* The command puts the draft in force somewhere else: shows that once it is so, while this is on the page. */
  followDraft() {
    const over = new AbortController();
    every(DRAFT_POLL_MS, over.signal, async () => {
      if (!this.element.isConnected) {
        over.abort();
      } else if ((await get(path("findings", this.finding.id))).state === "accepted") {
        over.abort();
        this.changed();
      }
    });
  }
}

export function findingItem(finding, changed) {
  const element = h("li", { class: "finding", "data-id": finding.id });
  const draw = (f) => {
    const readings = new Readings(f, async () => {
      const now = await get(path("findings", f.id)).catch(() => ({ ...f, state: "accepted" }));
      draw({ ...now, state: "accepted" });
      changed?.();
    });
    const open = async () => {
      try {
        await readings.open();
        button.hidden = true;
      } catch (e) {
        readings.element.replaceChildren(h("p", { class: "soft small" }, e instanceof ApiError ? e.message : "lutrad does not answer"));
      }
    };
    const button = h("button", { type: "button", onclick: open }, "This is fine…");
    element.replaceChildren(
      h("p", { class: "row" }, h("b", null, f.title), h("code", { class: "small soft" }, f.rule),
        h("span", { class: `badge ${f.verdict}` }, { kill: "killed", deny: "refused", alert: "alerted" }[f.verdict] ?? "noted"),
        f.state === "accepted" ? h("span", { class: "badge good" }, "accepted")
          : f.accepted ? h("span", { class: "badge" }, "accepted in part") : null),
      h("p", null, h("code", null, f.what), f.example && f.example !== f.what ? h("span", { class: "soft small" }, " for example ", h("code", null, f.example)) : null),
      about(f),
      ...(f.state === "accepted" ? [] : [h("div", { class: "row" }, button,
        h("span", { class: "soft small" }, "or ", command("lutra policy accept", f.id))), readings.element]));
  };
  draw(finding);
  return element;
}
