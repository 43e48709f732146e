# SPDX-License-Identifier: Apache-2.0
# docs/escapes.md of build/escapes.json; the series as arguments.

. as $all |
$ARGS.positional as $series |
def of($name; $s): $all | map(select(.technique == $name and .series == $s)) | .[0];
def names($kind): $all | map(select(.series == $series[-1] and .kind == $kind) | .technique);
def ways: [(if .unguarded then empty else "fails unguarded" end),
	(if .audited then empty else "not audited" end),
	(if .denied then empty else "not refused" end),
	(if .killed then empty else "not killed" end)];
def cell: if . == null then "-" else ways | if . == [] then "ok" else join(", ") end end;
def each($name; f): [$series[] as $s | of($name; $s) | select(. != null) | f | split(", ")[]] | unique |
	map("`" + . + "`") | join(", ");
def what($kind):
	"| technique | ATT&CK | what it does |",
	"|---|---|---|",
	(names($kind)[] as $n | of($n; $series[-1]) as $t | "| `\($n)` | [\($t.attack_id)] | \($t.what) |");
def refused($kind):
	"| technique | refused | in | " + ($series | join(", ")) + " |",
	"|---|---|---|---|",
	(names($kind)[] as $n |
	 "| `\($n)` | \(each($n; .call)) | \(each($n; .hook)) | " +
	 ([$series[] as $s | of($n; $s) | cell] | join(" ")) + " |");
def attacks: $all | map(.attack_id) | unique[] |
	"[\(.)]: https://attack.mitre.org/techniques/\(gsub("\\."; "/"))/";
def kernels: $series[] as $s | "- \($s): `\([$all[] | select(.series == $s)][0].kernel)`";
def counts: $series[] as $s | [$all[] | select(.series == $s)] |
	"- \($s): \(map(select(ways == [])) | length) of \(length)";
def moved: [$all[] | select(.denied_calls_off != null and .hook_calls_off != .hook)] | group_by(.technique)
	| map(.[0]);

"# Escapes and evasions",
"",
"Container escapes and evasions, each tried four ways, and the hook that refuses each.",
"",
"`make docs-escapes` generates this page from the results of the escape suite,",
"`build/escapes.json`. Do not edit it by hand. `make check-escapes` runs the suite on Debian's",
"6.1 and 6.12 kernels in VMs; `make check-escapes ESCAPE_SERIES='6.1 6.12 sid'` also on the",
"newest kernel that Debian has.",
"",
"The kernels of these results:",
"",
kernels,
"",
"## How each is tried",
"",
"A technique is a small harmless program. It runs within a service: a request of nginx or redis",
"makes a child of the service try it, as if an attacker ran code in the service.",
"",
"The container has all capabilities, the host's processes and network, and a writable volume. So",
"whatever stops a technique is the guard.",
"",
"The two policies were trained on the services' ordinary work alone. In that work the services",
"also write a spool, call a backend, execute a helper, and use an io_uring.",
"",
"`ok` says that on this kernel, with both services:",
"",
"- unguarded, the technique succeeds, and the host sees its effect;",
"- in mode audit it succeeds, and an alert names the operation, or did so earlier in that",
"  container: an object that is let pass is reported once;",
"- in mode deny the operation is refused, and a look from outside, or at what the technique",
"  brought back, shows that its effect is not there;",
"- in mode kill the task is dead before that call returns, or before an unusual call on the way,",
"  and the effect is not there either.",
"",
"Techniques that pass all four:",
"",
counts,
"",
"The tables name the system call that was refused and the hook that refused it. Mostly this is",
"the call that carries the attack. Where the guard sees a call without which there is no attack",
"(a name to mount at, a descriptor to enter by), the tables name that call.",
"",
"## Techniques",
"",
what("technique"),
"",
"### Where they are refused",
"",
refused("technique"),
"",
"## Evasions",
"",
"Ways around guards that look at names, or at other processes or arguments than those that act.",
"",
what("evasion"),
"",
"### Where the evasions are refused",
"",
refused("evasion"),
"",
"## Where no hook sees the operation itself",
"",
"- `capable` refuses system calls that have no hook of their own and need a capability.",
"- `file_alloc_security` is called for each new file, and refuses those system calls that were",
"  judged by their number.",
"- chdir(2) and fchdir(2) have no hook that lutra uses: what is opened from there is refused.",
"- A signal to a process outside is refused in `task_kill`.",
"- A Unix socket is judged by its own path, in `unix_stream_connect` and `unix_may_send`, wherever the",
"  name led that the task used. Without BPF LSM only the name is seen.",
"- A thread's race changes nothing: the kernel copies a path or an address once, and the hook",
"  sees the copy.",
"- A move into another cgroup needs a write to a file of the cgroup file system, which is",
"  refused. Where somebody else moves a task, it stays guarded, because it is the task that is",
"  enrolled.",
"- `file_set_fowner` cannot refuse. A signal by the owner of a file is refused where it is sent, in",
"  `file_send_sigiotask`: every act on a task is judged by whose the task is.",
"- Before 6.2 access lists have no hook of their own: `inode_setxattr` and `inode_removexattr` refuse",
"  them. An attribute is one kind of object, whether it is set or removed.",
"- A file is judged by its name before it exists, in `path_mknod`, whichever call makes it. Without",
"  a name (`O_TMPFILE`) it is judged by its open, and again where it is linked.",
"- utimensat(2) is not judged: on a volume it sets the change time, so the file is fresh.",
"",
"### With calls off",
"",
"With `\"calls\": \"off\"` in the configuration, system call numbers are not seen. Then a hook that is",
"called later, or another one, stops the technique.",
"",
"In that mode \([$all[] | select(.denied_calls_off)] | length) of \([$all[] | select(.denied_calls_off != null)] | length) attempts were refused. These were refused in another hook:",
"",
"| technique | refused | in | with calls off, in |",
"|---|---|---|---|",
(moved[] | "| `\(.technique)` | `\(.call)` | `\(.hook)` | " +
	(if .denied_calls_off then "`\(.hook_calls_off)`" else "not refused" end) + " |"),
"",
"## What is not covered",
"",
"- Faults of the kernel that are reached by system calls the service makes itself, with arguments",
"  of the same classes.",
"- What a policy allows: the service's own files and peers, any name inside a learned wildcard,",
"  and executable files that were there before the container's start.",
"- Descriptors that were open before the guard began: reading and writing them passes no hook.",
"- Directories made inside a learned wildcard, and reads of unprotected files outside what was",
"  learned, are alerts in mode deny, not refusals. Techniques that need one are refused at what",
"  they do next.",
"- Kernels without BPF LSM: there nothing is refused, and the suite's mode deny does not apply.",
"",
attacks
