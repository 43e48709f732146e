// SPDX-License-Identifier: Apache-2.0
// What verdicts and modes mean, in words for a reader who is new to them.

const LEVEL_ONE = 4096;
const NAT = 20;

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

export const nat = (a) => (a / LEVEL_ONE / NAT).toFixed(2);
export const units = (b) => (b / LEVEL_ONE).toFixed(3);
export const ratio = (level, threshold) => (threshold > 0 ? level / threshold : 0);
