// SPDX-License-Identifier: Apache-2.0
// What verdicts, modes and stages mean, in words for a reader who is new to them.

export const modes = {
  learn: "Records the container, to train a policy; nothing is judged.",
  audit: "Alerts; nothing is stopped.",
  deny: "A call that a rule denies fails with EPERM.",
  kill: "A process that breaks a rule is killed at the call.",
  "kill-container": "The first process that breaks a rule ends its whole container.",
  freeze: "The container is frozen, for you to inspect.",
};

/* What was done, of an event's fields. */
export function done(fields) {
  if (fields["lutra.verdict"] === "kill") return "killed";
  if (fields["lutra.refused"]) return "refused";
  return fields["lutra.verdict"] === "allow" ? "noted" : "alerted";
}

export function kindOf(fields) {
  if (fields["lutra.verdict"] === "kill") return "kill";
  if (fields["lutra.refused"] || fields["lutra.verdict"] === "deny") return "deny";
  return fields["lutra.verdict"] === "alert" ? "alert" : "allow";
}

export function doneLong(fields) {
  switch (done(fields)) {
    case "killed": return "The process was killed at this call.";
    case "refused": return "The call was refused with EPERM; the process lives on.";
    case "noted": return "The call went on. The policy's action for this rule is to log.";
    default: return "The call went on, and lutra alerted.";
  }
}

/* The name of an entry of a history: a call, or an object. */
export const entryName = (entry) => entry.call ?? entry.object;

export const ratio = (level, threshold) => (threshold > 0 ? level / threshold : 0);

/* The address of the incidents of a container: of the one with that id, where an id is known. */
export function incidentsHash(name, id) {
  return containerHash(name, id).replace("#/container/", "#/incidents/");
}

/* The address of a container's page: of the one with that id, where an id is known. */
export function containerHash(name, id) {
  return `#/container/${encodeURIComponent(name)}${id ? `/${encodeURIComponent(id)}` : ""}`;
}

/* The name of the policy in a directory. */
export const policyName = (dir) => (dir ?? "").split("/").at(-1);
