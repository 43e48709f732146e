# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs of the kind guarded.MODE.N: the rare events of soak.N, and then each attack, in containers that lutrad guards in
# mode MODE. Nothing is recorded. After each event and attack the service is asked whether it still answers. Needs
# POLICIES=DIR with a policy DIR/CONTAINER for each container, and for mode deny BPF LSM. Sourced by run, after rare.bash
# and attacks.bash.
#
# $guarded_file gets JSON lines: {"name": …} for each event, {"attack": …} for each attack, and
# {"done": …, "other": […]} at the end of each run. A service that ended, or does not answer, ends the run: the next
# run of that name goes on with what is left.

guard_mode=''   # audit or deny
guarded_file='' # the result
window_s=2      # after an event's end, what is refused still counts as its doing: WINDOW_AFTER_NS of bench/alarms
answer_s=120  # how long a service may take to answer after an event, of a quiet machine

# guarded_parse RUN: sets guard_mode; false if RUN is no guarded run.
guarded_parse() {
	[[ "$1" =~ ^guarded\.(audit|deny)\.[0-9]+$ ]] || return
	guard_mode=${BASH_REMATCH[1]}
}

guarded_is_done() {
	[ -e "$guarded_file" ] && jq -es 'any(.done)' "$guarded_file" >/dev/null
}

# The daemon does not return to mode audit by itself, however much is refused.
guard_begin() {
	local life='{"fallback_minutes": 0}' calls=on http='' outputs='' engines='' bundles='' pin_dir=''
	[ -d "${POLICIES:-}" ] || fail "no directory POLICIES with a policy for each container"
	[ "$guard_mode" = audit ] || "$bin/lutra" doctor --json | jq -e .lsm >/dev/null ||
		skip "this kernel has no BPF LSM, so nothing can be refused: run it in a VM (make alarms-live)"
	mkdir -p "$output"
	touch "$guarded_file"
	daemon_start
}

# guard_cgroup CONTAINER: its cgroup, named as engines name them: lutra tells exec sessions only in those.
guard_cgroup() {
	printf '%s/%s/libpod-%064x\n' "$cgroup" "$1" "$(cksum <<<"$1" | cut -d' ' -f1)"
}

# guard_container CONTAINER: before its start.
guard_container() {
	mkdir -p "$cgroot$(guard_cgroup "$1")"
	ctl enroll --name "$1" --cgroup "$cgroot$(guard_cgroup "$1")" --policy "$POLICIES/$1" --mode "$guard_mode" --force >/dev/null
}

# The events that are left, one a line, in an order by the seed.
guarded_left() {
	rare_names | shuf --random-source=<(yes "$seed") | grep -vxF -f <(guarded_made name) || true
}

# The attacks that are left, in the same way: attack.NAME or adaptive.NAME.
attacks_left() {
	"$here/about" "$service" attacks | shuf --random-source=<(yes "$seed") | grep -vxF -f <(guarded_made attack) || true
}

# guarded_made KEY: those that have their line, name or attack.
guarded_made() {
	jq -r --arg key "$1" '.[$key] // empty' "$guarded_file" 2>/dev/null && echo '(none)'
}

# Ordinary work until the script ends it, with numbers of its own. It rests, so that an emulated machine has time for
# the events too.
guarded_work() {
	local work_rest_s=4
	seed_set $((seed + 1)) "$stage/random-work"
	while :; do
		work_for "$seconds"
	done
}

guarded_run() {
	local names name worker
	mapfile -t names < <(guarded_left)
	guarded_work &
	worker=$!
	children[$worker]=1
	for name in "${names[@]}"; do
		guarded_event name "$name" rare_event "$name"
		last_answered || break
	done
	end "$worker"
	[ -n "$(guarded_left)" ] || guarded_attacks
	guarded_rest
}

# Each attack with nothing beside it, until one ends the service.
guarded_attacks() {
	local names name
	mapfile -t names < <(attacks_left)
	for name in "${names[@]}"; do
		harms=()
		guarded_event attack "$name" guarded_attack "${name/./_}"
		last_answered || break
	done
}

# Whether the service answered after the last event.
last_answered() {
	tail -n 1 "$guarded_file" | jq -e .answered >/dev/null
}

# guarded_attack FUNCTION: and what it started outside ends with it, so that the next one can start the same.
guarded_attack() {
	local r=0 pid before
	before=" ${!children[*]} "
	"$1" || r=$?
	for pid in "${!children[@]}"; do
		[[ "$before" = *" $pid "* ]] || end "$pid"
	done
	return "$r"
}

# The containers that have ended, one a line.
guarded_ended() {
	local c
	for c in "${containers[@]}"; do
		alive "${container_pid[$c]}" || echo "$c"
	done
}

has_answered_or_ended() {
	[ -n "$(guarded_ended)" ] || ready >>"$stage/ready.log" 2>&1
}

# guarded_event KEY NAME COMMAND…: makes it happen, asks the service, and writes a line.
guarded_event() {
	local key=$1 name=$2 begin until r=0 answered=true ended
	shift 2
	begin=$(date +%s%N)
	echo "== $name" >>"$stage/events.log"
	"$@" >>"$stage/events.log" 2>&1 || r=$?
	until=$(date +%s%N)
	sleep "$window_s"
	until_true "$answer_s" has_answered_or_ended || answered=false
	mapfile -t ended < <(guarded_ended)
	[ ${#ended[@]} = 0 ] || answered=false
	until_true 20 guard_has_told || true
	guard_refusals | jq -sc --arg key "$key" --arg name "$name" --argjson begin "$begin" --argjson until "$until" --argjson status "$r" \
		--argjson answered "$answered" --argjson ended "$(as_json_list "${ended[@]}")" --argjson after "$window_s" '
		map(select(.time >= $begin and .time <= $until + $after * 1e9)) as $refused | {($key): $name, begin_ns: $begin,
		end_ns: $until, status: $status, answered: $answered, ended: $ended, refused: ($refused | length),
		own: [$refused[] | select(.own) | .thing] | unique,
		session: [$refused[] | select(.own | not) | .thing] | unique}' >>"$guarded_file"
	tail -n 1 "$guarded_file" | jq -r --arg name "$name" '"\($name): \(if .ended == [] then "" else "ended, " end)\(
		if .answered then "answers" else "does not answer" end), \(.own | length) things refused to its own processes"'
}

# All that was refused so far, as JSON lines: time, thing, and whether it was the service's own process.
guard_refusals() {
	{ grep -E '"lutra\.verdict": ?"(deny|kill)"' "$stage/events.jsonl" || true; } | jq -c '.output_fields | {time: ."evt.time",
		own: (."lutra.exec_session" | not), thing: "\(."lutra.group") \(."lutra.role") \(if (."lutra.object" // "") == ""
		then ."evt.type" else ."lutra.object" end)"}'
}

# True once every refusal that the kernel counted is in the daemon's file.
guard_has_told() {
	[ "$(guard_refusals | wc -l)" -ge \
		"$(ctl status --json | jq '[.containers[].counters | .deny + .kill] | add // 0')" ]
}

# The last line: whether all was made, and what was refused to the service's own processes outside of it.
guarded_rest() {
	local done=false
	[ -n "$(guarded_left)$(attacks_left)" ] || done=true
	guard_refusals | jq -sc --slurpfile events "$guarded_file" --argjson done "$done" --argjson after "$window_s" '
		{done: $done, other: [.[] | select(.own) | . as $r | select(any($events[] | select(.begin_ns); $r.time >= .begin_ns and
		$r.time <= .end_ns + $after * 1e9) | not) | .thing] | unique}' >>"$guarded_file"
}

guarded_summary() {
	jq -rs '(map(select(.attack)) | "\(length) attacks, \(map(select(.refused > 0)) | length) with a refusal; ") +
		(map(select(.name)) | "\(length) events, \(map(select(.own != [])) | length) with a refusal of its own process, " +
		"\(map(select(.answered | not)) | length) after which it ended or did not answer")' "$guarded_file"
}
