// SPDX-License-Identifier: Apache-2.0
// What rules, verdicts and modes mean, in words for who looks at them first.

const LEVEL_ONE = 4096;
const NAT = 20;

export const modes = {
  learn: "Recorded, for a policy to be made of it; nothing is judged.",
  audit: "Watches and tells; nothing is stopped.",
  deny: "What the policy's rules deny is refused at the call, with EPERM.",
  kill: "The process that breaks a rule is killed at the call.",
  "kill-container": "The first process that breaks a rule takes its container with it.",
  freeze: "The container is stopped where it stands, to be looked at.",
};

const rules = {
  T: "A system call that the service never made in this role while it was recorded.",
  TH: "A dangerous system call that the service never made while it was recorded.",
  A: "A sequence of calls so unlike the recorded ones that their joint weight passed the threshold.",
  B: "Many pairs of calls that never followed each other while the service was recorded, close together.",
  exec: "A program was started that the service never started while it was recorded.",
  "exec-fresh": "A program was started whose file is younger than the container.",
  connect: "A connection to an address that the service never used.",
  bind: "A port or socket was opened that the service never opened.",
  send: "A message to an address that the service never wrote to.",
  mapx: "A file was mapped as code that the service never ran code from.",
  wx: "Memory that can be written and executed, as injected code needs it.",
  capable: "A privilege of the kernel that the service never used.",
  guard: "The guard itself was attacked.",
  fallback: "The policy fired too often soon after it was enforced: its containers are in audit again.",
};

export function rule(group) {
  if (rules[group]) return rules[group];
  if (group.startsWith("open-w")) return "A file was opened for writing that training never saw written.";
  if (group.startsWith("open")) return "A file or directory was read that training never saw read.";
  if (group.startsWith("path")) return "A name was made, changed or removed where training never saw it.";
  return "This page has no text for this rule.";
}

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
    case "noted": return "It was only noted: the policy's rule for it is to log.";
    default: return "It went on, and was told of.";
  }
}

export const nat = (a) => (a / LEVEL_ONE / NAT).toFixed(2);
export const units = (b) => (b / LEVEL_ONE).toFixed(3);
export const ratio = (level, threshold) => (threshold > 0 ? level / threshold : 0);
