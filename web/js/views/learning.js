// SPDX-License-Identifier: Apache-2.0
// The images that are learned: how far each is, and what comes next.
import { get } from "../api.js";
import { bar, command, facts, h, number, problem, shellWord } from "../dom.js";
import { every } from "../poll.js";

const stages = {
  learn: "Learning", stopped: "Stopped", audit: "Audit", deny: "In force: deny", kill: "In force: kill",
  "kill-container": "In force: kill-container", freeze: "In force: freeze",
};

const round = (n) => (n >= 10 ? Math.round(n) : Number(n.toFixed(2)));

/* How far learning is, 0 to 1, and in words. */
function progressOf(i) {
  if (i.by_runs) return [i.runs_waiting / Math.max(1, i.runs_wanted), `${number(i.runs_waiting)} of ${number(i.runs_wanted)} runs`];
  const hours = i.hours_recorded + i.hours_more;
  const byHours = hours > 0 ? i.hours_recorded / hours : 1;
  const byRuns = i.runs_wanted ? i.runs_waiting / i.runs_wanted : 1;
  return [Math.min(1, byHours, byRuns),
    `${number(i.runs_waiting)} runs, ${round(i.hours_recorded)} h; ${i.hours_more > 0 ? `${round(i.hours_more)} h of runs more` : "enough hours"}${
      i.runs_wanted > i.runs_waiting ? `, at least ${number(i.runs_wanted - i.runs_waiting)} runs more` : ""}, for ${round(i.hours_left)} h at most`];
}

function lastRun(i) {
  const run = i.runs.findLast((r) => r.counted && !r.used);
  return run ? `${number(run.new_calls)} new calls and ${number(run.new_objects)} new objects` : null;
}

function next(i) {
  const image = shellWord(i.image);
  if (i.training) return "Wait: the trainer is at work.";
  if (i.learning) return "Use its containers as on every day.";
  if (!i.trained) return command("lutra learn --image", image);
  if (i.stage !== "audit") return null;
  if (i.gate_met) return command("lutra policy set-mode", shellWord(i.policy), "deny");
  return `Stay in audit until the gate is met: ${i.gate}.`;
}

function policyOf(i) {
  return i.trained ? h("a", { href: `#/policy/${encodeURIComponent(i.policy)}` }, i.policy) : null;
}

function imageCard(i) {
  const [part, words] = progressOf(i);
  return h("section", { class: "card learned" },
    h("div", { class: "row" }, h("h2", null, i.image),
      h("span", { class: "badge mode" }, i.training ? "Training" : stages[i.stage] ?? i.stage)),
    i.learning ? [bar(part, `Progress of learning ${i.image}`), h("p", { class: "small" }, words)] : null,
    i.note ? problem(i.note) : null,
    facts([
      ["Next", next(i)],
      ["New things", i.unseen_text],
      ["The last run brought", i.learning ? lastRun(i) : null],
      ["Policy", policyOf(i)],
      ["Made of", i.trained ? `${number(i.policy_runs)} runs, ${number(i.policy_calls)} calls` : null],
      ["Clean in audit", i.trained ? `${round(i.clean_hours)} h` : null],
      ["Not counted", i.runs_dropped ? `${number(i.runs_dropped)} runs` : null],
      ["All of it", command("lutra learn --image", shellWord(i.image), "--status")],
      ["To end it", i.learning ? command("lutra learn --image", shellWord(i.image), "--stop") : null],
    ]));
}

export async function learning(main, signal) {
  const list = h("div", { class: "two" });
  const look = async () => {
    const { images } = await get("learn", {}, signal);
    const order = [...images].sort((x, y) => y.learning - x.learning || x.image.localeCompare(y.image));
    list.replaceChildren(...(order.length ? order.map(imageCard)
      : [h("p", { class: "empty" }, "No image is learned. ", command("lutra learn --image IMAGE"),
        " learns one from its containers, and puts its policy in audit.")]));
  };
  main.append(h("h1", null, "Learning"), list);
  await look();
  every(3000, signal, look);
}
