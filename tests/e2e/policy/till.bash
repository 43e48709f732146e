# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A small service in podman, "till", whose policy is learned. Sourced after engine.bash.

till=localhost/till:1
till_name=till # of its container
policy=''
action='deny'  # what stops in the mode: a refusal, or a kill
volumes=()     # more of the container's, as options of podman
more_programs=() # of the image, by name or path

# Has a program of this host and the libraries that it is linked to in the image.
add_program() {
	local file dir=$stage/till
	cp "$(type -P "$1")" "$dir/bin/"
	{ ldd "$dir/bin/${1##*/}" || true; } | grep -o '/[^ ]* (0x' | cut -d' ' -f1 | while read -r file; do
		[ -e "$dir$file" ] || install -D "$(readlink -f "$file")" "$dir$file"
	done
}

# An image whose service does what it reads from a pipe. Its C library has a name with a version, as those of
# packages have.
make_till() {
	local program libc dir=$stage/till
	mkdir -p "$dir"/{bin,etc,pipe,root,proc,sys,dev}
	for program in cat date id ls nproc sleep true uname "${more_programs[@]}"; do
		add_program "$program"
	done
	add_program dash
	mv "$dir/bin/dash" "$dir/bin/sh"
	libc=$(find "$dir" -name libc.so.6)
	mv "$libc" "${libc%.so.6}-1.so"
	ln -s libc-1.so "$libc"
	echo 'root:secret-of-the-till:20000::::::' >"$dir/etc/shadow"
	echo 3 >"$dir/etc/prices"
	cat >"$dir/till" <<-'SCRIPT'
	#!/bin/sh
	while :; do
		while read -r what; do
			case $what in
			hello) echo hello >>/pipe/out ;;
			*) eval "$what" >>/pipe/out 2>&1 ;;
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

# progress TEXT: an emulated machine is silent for minutes otherwise.
progress() {
	say "# $SECONDS s: $*"
}

# An overlay as podman mounts it, in a mount namespace of its own.
overlay_works() {
	mkdir -p "$stage"/overlay/{lower,upper,work,root}
	unshare -m mount -t overlay overlay -o "lowerdir=$stage/overlay/lower,upperdir=$stage/overlay/upper" \
		-o "workdir=$stage/overlay/work" "$stage/overlay/root"
}

# till_begin NAME: the stage with podman, the image, and a lutrad that is told of containers; or skip.
till_begin() {
	podman_begin "$1"
	overlay_works 2>"$stage/why" || skip "no overlay file system here: $(tail -n 1 "$stage/why")"
	export STORAGE=overlay
	choose_mode
	[ "$mode" = deny ] || action='kill'
	progress "podman is up"
	make_till || skip "podman cannot import an image here"
	pod_run --rm "$till" /bin/true 2>"$stage/why" || skip "podman runs nothing here: $(tail -n 1 "$stage/why")"
	progress "podman runs containers"
	mkdir -p "$stage/pipe"
	mkfifo "$stage/pipe/in"
	: >"$stage/pipe/out"
	daemon_start
	hooks --timeout 60000
	progress "lutrad is up"
}

till_start() {
	pod_run -d --name "$till_name" -v "$stage/pipe:/pipe" "${volumes[@]}" "$till" /till >/dev/null
}

till_stop() {
	pod rm -f -t 0 "$till_name" >/dev/null
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

# runs COMMAND: the service runs it to its end. All its output but hello is of programs.
runs() {
	local before
	before=$(answers)
	tell "$1"
	[ "$(answers)" -gt "$before" ]
}

answers() {
	grep -cvx -e hello -e '.*Killed.*' -e '.*[Pp]ermission.*' -e '.*not permitted.*' "$stage/pipe/out" || true
}

# The clean work of a run.
work() {
	tell /bin/true
	tell '/bin/cat /etc/prices'
	tell '(read -r price </etc/prices && echo "$price")'
	tell '/bin/sleep 1.2' # a run of less than a second is none
}

run_once() {
	till_start
	work
	till_stop
}

state_is() {
	[ "$(ctl learn --image "$till" --status --json | jq -r "$1")" = "$2" ]
}

# Asked once a second: the trainer has the lowest priority, and on one processor who asks takes its time.
has_learned() {
	sleep 1
	dead "$learner"
}

# learn_till RUNS: learns the policy from so many runs of one container, which is started again for each.
learn_till() {
	local i
	ctl learn --image "$till" --runs "$1" --json >"$stage/learned.json" 2>"$stage/learn.log" &
	learner=$!
	children[$learner]=1
	until_true "$patience" state_is .learning true
	till_start
	work
	progress "run 1 of $1"
	for ((i = 2; i <= $1; i++)); do
		pod restart -t 0 "$till_name" >/dev/null
		work
		progress "run $i of $1"
	done
	till_stop
	until_true "$patience" has_learned || return 1
	unset "children[$learner]"
	progress "learned"
	policy=$(ctl learn --image "$till" --status --json | jq -r .policy)
	[ -f "$stage/policies/$policy/policy.json" ]
}

# learn_or_end RUNS TEXT: the test ends if there is no policy.
learn_or_end() {
	ok "$2" learn_till "$1"
	[ "$broken" = 0 ] || { tail -n 5 "$stage/lutrad.log" >&2 && plan; }
}

# What the level says of runs as short as these is no test of the rules: it is logged.
log_level() {
	does ctl policy set "$policy" --action M=log
}

# ---- what was stopped ----

# of_till FILTER: it is true for the container, as lutrad tells it.
of_till() {
	ctl status --json | jq -e --arg name "$till_name" ".containers[] | select(.name == \$name) | $1" >/dev/null
}

# event_is FILTER: an event is so.
event_is() {
	ctl events --limit 1000 --json | jq -es "any(.[].output_fields; $1)" >/dev/null
}

# finding_of PROGRAM: the id of what happened when it was run, empty if there is none.
finding_of() {
	ctl events --limit 1000 --json | jq -r --arg object "exec $1" '.output_fields |
		select(."lutra.object" == $object and (."lutra.group" | startswith("exec"))) |
		."lutra.finding" // empty' | tail -n 1
}

has_finding() {
	[ -n "$(finding_of "$1")" ]
}

# is_stopped OBJECT: an event says so, by the mode: in mode deny it was refused, else killed.
is_stopped() {
	if [ "$mode" = deny ]; then
		event_is '."lutra.object" == "'"$1"'" and ."lutra.refused"'
	else
		event_is '."lutra.object" == "'"$1"'" and ."lutra.verdict" == "kill"'
	fi
}

# stops COMMAND [PROGRAM]: the program is stopped, and there is a finding of it. Default: the command.
stops() {
	local program=${2:-$1}
	not runs "$1" && until_true "$patience" is_stopped "exec $program" && has_finding "$program"
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
