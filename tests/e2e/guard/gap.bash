# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A gap: the guard without its daemon, or with one that takes over. While it lasts, a container is
# attacked, serves its benign load, and programs of the host run. Sourced after lib.bash.
#
# shellcheck disable=SC2034,SC2154 # children, mode, stage, daemon and patience are the caller's

daemon_kill() {
	kill -KILL "$daemon"
	until_true "$patience" dead "$daemon"
	wait "$daemon" 2>/dev/null || true
	unset "children[$daemon]"
}

# attack_on: attacks without a pause until gap_ends. Writes one line a try: "reached" or "missed".
attack_on() {
	until [ -e "$stage/enough" ]; do
		if attack_mount >/dev/null; then echo reached; else echo missed; fi
	done >"$stage/tries"
}

# Runs the benign load. If it fails, prints the last events.
benign() {
	load "$@" || { events | tail -n 4 | sed 's/^/# /'; return 1; }
}

# benign_on: runs the benign load again and again until gap_ends. Writes "ok" each time, or the log.
benign_on() {
	local seed=10000
	until [ -e "$stage/enough" ]; do
		seed=$((seed + 1))
		if load "$seed" 8 4 >"$stage/load.log" 2>&1; then echo ok; else cat "$stage/load.log"; fi
		sleep 0.3
	done >"$stage/benign"
}

tried() {
	[ "$(wc -l <"$stage/tries")" -ge "$1" ]
}

# outside_on: runs a program outside any guarded container until gap_ends. Writes "ok" each time.
outside_on() {
	until [ -e "$stage/enough" ]; do
		if env true; then echo ok; else echo "exit $?"; fi
		sleep 0.1
	done >"$stage/outside" 2>&1
}

beside() {
	"$@" &
	besides+=("$!")
	children[$!]=1
}

# In mode deny the service survives each attack, so attack_on can go on during the whole gap.
gap_begins() {
	rm -f "$stage/enough" "$stage/tries" "$stage/outside" "$stage/benign"
	besides=()
	beside outside_on
	beside benign_on
	until_true "$patience" grep -qsx ok "$stage/outside"
	until_true "$patience" grep -qsx ok "$stage/benign"
	[ "$mode" = deny ] || return 0
	beside attack_on
	until_true "$patience" tried 1
}

gap_ends() {
	local pid
	[ "$mode" != deny ] || until_true "$patience" tried $(($(wc -l <"$stage/tries") + 1)) || return 1
	touch "$stage/enough"
	for pid in "${besides[@]}"; do
		wait "$pid"
		unset "children[$pid]"
	done
}

attacks_all_missed() {
	[ "$mode" = deny ] || return 0
	say "# $(wc -l <"$stage/tries") attacks meanwhile"
	! grep -q reached "$stage/tries"
}

# all_ok FILE: succeeds if each line is "ok". Prints the other lines.
all_ok() {
	! grep -vx ok "$1" | sed 's/^/# /' | grep .
}

status_says() {
	[ "$(ctl status --json | jq -r ".containers[0].$1")" = "$2" ]
}

# shellcheck disable=SC2317 # called by the trap
tidy_guard_up() {
	local r=$?
	end_children
	"$bin/lutrad" --uninstall --config "$stage/config.json" >/dev/null 2>&1 || true
	mountpoint -q "$stage/bpf" && umount "$stage/bpf"
	stage_end "$r"
}

# Prints the directory of an older lutra's programs and policy. Skips without the repository's history.
older_lutra() {
	local demo r=0
	demo=$(demo_policy) || return
	"$root/tests/e2e/guard/older" "${demo%/*}" || r=$?
	[ "$r" != 77 ] || skip "the history of the repository is not here"
	return "$r"
}
