# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A small service in podman, "till", whose policy is learned. Sourced after engine.bash.

till=localhost/till:1
policy=''

# An image whose programs are copies of busybox, and whose service does what it reads from a pipe.
make_till() {
	local program dir=$stage/till
	mkdir -p "$dir/bin" "$dir/pipe"
	for program in sh true date uname nproc; do
		cp "$(command -v busybox)" "$dir/bin/$program"
	done
	cat >"$dir/till" <<-'SCRIPT'
	#!/bin/sh
	while :; do
		while read -r what; do
			case $what in
			hello) echo hello >>/pipe/out ;;
			*) "$what" >>/pipe/out 2>&1 ;;
			esac
		done </pipe/in
	done
	SCRIPT
	chmod +x "$dir/till"
	import_till
}

# Makes the image of the directory: another one than before if the directory has changed.
import_till() {
	tar -C "$stage/till" -cf "$stage/till.tar" .
	pod import -q "$stage/till.tar" "$till" >/dev/null
}

# till_begin NAME: the stage with podman, the image, and a lutrad that is told of containers; or skip.
till_begin() {
	command -v busybox >/dev/null || skip "no busybox here: make deps"
	engine_begin "$1"
	choose_mode
	make_till || skip "podman cannot import an image here"
	mkdir -p "$stage/pipe"
	mkfifo "$stage/pipe/in"
	: >"$stage/pipe/out"
	daemon_start
	hooks --timeout 20000
}

till_start() {
	pod_run -d --name till -v "$stage/pipe:/pipe" "$till" /till >/dev/null
}

till_stop() {
	pod rm -f -t 0 till >/dev/null
}

# tell WORD: and wait for the answer to a hello that follows it.
tell() {
	local before
	before=$(grep -cx hello "$stage/pipe/out" || true)
	# shellcheck disable=SC2016
	timeout "$patience" bash -c 'printf "%s\nhello\n" "$0" >"$1"' "$1" "$stage/pipe/in" || return 1
	until_true "$patience" more_hellos "$before"
}

more_hellos() {
	[ "$(grep -cx hello "$stage/pipe/out")" -gt "$1" ]
}

# runs PROGRAM: the service runs it to its end. All its output but hello is of programs.
runs() {
	local before
	before=$(grep -cvx -e hello -e '.*Killed.*' -e '.*[Pp]ermission.*' -e '.*not permitted.*' "$stage/pipe/out" || true)
	tell "$1"
	[ "$(grep -cvx -e hello -e '.*Killed.*' -e '.*[Pp]ermission.*' -e '.*not permitted.*' "$stage/pipe/out")" -gt "$before" ]
}

run_once() {
	till_start
	tell /bin/true
	sleep 1.2 # a run of less than a second is none
	till_stop
}

state_is() {
	[ "$(ctl learn --image "$till" --status --json | jq -r "$1")" = "$2" ]
}

learn_till() {
	local i
	ctl learn --image "$till" --runs 4 --json >"$stage/learned.json" 2>"$stage/learn.log" &
	learner=$!
	children[$learner]=1
	until_true "$patience" state_is .learning true
	for i in 1 2 3 4; do
		run_once
		until_true "$patience" state_is "[.runs[] | select(.counted)] | length" "$i" ||
			state_is .trained true
	done
	until_true "$patience" dead "$learner"
	unset "children[$learner]"
	policy=$(ctl learn --image "$till" --status --json | jq -r .policy)
	[ -f "$stage/policies/$policy/policy.json" ]
}

does() {
	said=$("$@" 2>&1) || { echo "$said" >&2 && return 1; }
}

says() {
	grep -qF -- "$1" <<<"$said" || { echo "$said" >&2 && return 1; }
}

refused() {
	if said=$("$@" 2>&1); then return 1; fi
}
