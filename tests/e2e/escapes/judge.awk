# SPDX-License-Identifier: Apache-2.0
#
# What came of techniques. Input: the list (host list), the evidence (inside), what was tried (host try);
# mode: unguarded, audit, deny, calls-off, kill. Output, a line each: name, yes|no|untold (evidence is
# missing, which may come yet), the hook that stopped it, words, the call that was stopped; tabs between.

FILENAME == ARGV[ARGC - 3] {
	names[++n] = $1
	seen[$1] = $5
	also[$1] = $6
	stopped[$1] = $7
	hook[$1] = $8
	next
}

FILENAME == ARGV[ARGC - 2] {
	about[++events] = $3 " " $4
	call[events] = $3 == "none" ? "io_uring" : $3
	pid[events] = $1
	parent[events] = $2
	verdict[events] = $5
	refused[events] = $6
	group[events] = $7
	next
}

{
	process[$1] = $2
	status[$1] = $3
	effect[$1] = $4
	tried[$1] = ++n_tried
}

# The hook that an operation was refused in.
function hook_of(text, name, word, op) {
	split(text, word, " ")
	op = word[2]
	if (op == "hook") {
		sub(/-(read|outside)$/, "", word[3])
		return word[3]
	}
	if (op == "open")
		return "file_open"
	if (op == "exec")
		return "bprm_check_security"
	if (op == "connect" || op == "bind")
		return "socket_" op
	if (op == "peer")
		return hook[name] == "-" ? "unix_stream_connect" : hook[name]
	if (op == "socket")
		return "socket_create"
	if (op == "connect" && word[1] ~ /^send/)
		return "socket_sendmsg"
	if (op == "send")
		return "socket_sendmsg"
	if (op == "mapx")
		return "mmap_file"
	if (op == "wx" || op == "wx-later")
		return word[3] == "mmap" ? "mmap_file" : "file_mprotect"
	if (op == "capable")
		return "capable"
	if (op == "")
		return hook[name]
	sub(/-.*/, "", op)
	return (op == "setxattr" ? "inode_" : "path_") op
}

function is_of(i, name) {
	return pid[i] == process[name] || parent[i] == process[name]
}

# What is let pass is told once a container. Was this evidence of a technique that was tried before?
function is_of_earlier(i, name, other) {
	for (other in tried)
		if (tried[other] < tried[name] && is_of(i, other))
			return 1
	return 0
}

# Is there evidence of that technique with this text and outcome? Sets found_hook.
function told(name, text, outcome, i) {
	for (i = 1; i <= events; i++) {
		if (!is_of(i, name) && (mode != "audit" || !is_of_earlier(i, name)))
			continue
		if (about[i] !~ text)
			continue
		if (outcome == "alert" ? verdict[i] != "alert" : outcome == "refused" ? refused[i] != "true" : \
		    verdict[i] != outcome)
			continue
		found_hook = hook_of(about[i], name)
		found_call = call[i]
		return 1
	}
	return 0
}

function evidence_of(name, i, s, k) {
	for (i = 1; i <= events && k < 6; i++)
		if (is_of(i, name)) {
			s = s "; " about[i] ": " verdict[i] (refused[i] == "true" ? ", refused" : "") \
			    " (" group[i] ")"
			k++
		}
	return s == "" ? "; no evidence" : s
}

function answer(name, good, words) {
	print name "\t" good "\t" (found_hook == "" ? "-" : found_hook) "\t" words "\t" \
	    (found_call == "" ? "-" : found_call)
}

function what_happened(name) {
	return "status " status[name] ", effect: " effect[name] evidence_of(name)
}

function judge_guarded(name, done) {
	done = status[name] == 0
	if (mode == "audit") {
		if (!done || effect[name] != "yes")
			return "no"
		if (!told(name, seen[name], "alert"))
			return "untold"
		return also[name] == "-" || told(name, also[name], "alert") ? "yes" : "untold"
	}
	if (effect[name] != "no" || done)
		return "no"
	if (mode == "kill") {
		if (status[name] != 137)
			return "no"
		return told(name, stopped[name], "kill") || told(name, ".", "kill") ? "yes" : "untold"
	}
	if (status[name] >= 128)
		return "no"
	# Without calls evidence names none, and what refuses may be another hook.
	return told(name, mode == "calls-off" ? "." : stopped[name], "refused") ? "yes" : "untold"
}

END {
	for (i = 1; i <= n; i++) {
		name = names[i]
		found_hook = found_call = ""
		if (!tried[name])
			answer(name, "no", "not tried")
		else if (mode == "unguarded")
			answer(name, status[name] == 0 && effect[name] == "yes" ? "yes" : "no", what_happened(name))
		else {
			good = judge_guarded(name)
			answer(name, good, what_happened(name))
		}
	}
}
