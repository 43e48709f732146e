# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs of the kind guarded.MODE.N: the rare events of soak.N in containers that lutrad guards in mode MODE.
# Nothing is recorded. After each event the service is asked whether it still answers. Needs POLICIES=DIR with a policy
# DIR/CONTAINER for each container, and for mode deny BPF LSM. Sourced by run, after rare.bash.
#
# $guarded_file gets JSON lines: one for each event, and {"done": …, "other": […]} at the end of each run. A service
# that ended, or does not answer, ends the run: the next run of that name goes on with the events that are left.

guard_mode=''   # audit or deny
guarded_file='' # the result
window_s=2      # after an event's end, what is refused still counts as its doing: WINDOW_AFTER_NS of bench/alarms

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
	rare_names | shuf --random-source=<(yes "$seed") |
		grep -vxF -f <(jq -r '.name // empty' "$guarded_file" 2>/dev/null && echo '(none)') || true
}

# Ordinary work until the script ends it, with numbers of its own.
guarded_work() {
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
		guarded_event "$name"
		tail -n 1 "$guarded_file" | jq -r '"\(.name): \(if .ended == [] then "" else "ended, " end)\(if .answered
			then "answers" else "does not answer" end), \(.own | length) things refused to its own processes"'
		tail -n 1 "$guarded_file" | jq -e .answered >/dev/null || break
	done
	end "$worker"
	guarded_rest
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

# guarded_event NAME: makes it happen, asks the service, and writes a line.
guarded_event() {
	local name=$1 begin until r=0 answered=true ended
	begin=$(date +%s%N)
	"rare_$name" >>"$stage/events.log" 2>&1 || r=$?
	until=$(date +%s%N)
	sleep "$window_s"
	until_true "$patience" has_answered_or_ended || answered=false
	mapfile -t ended < <(guarded_ended)
	[ ${#ended[@]} = 0 ] || answered=false
	until_true 20 guard_has_told || true
	guard_refusals | jq -sc --arg name "$name" --argjson begin "$begin" --argjson until "$until" --argjson status "$r" \
		--argjson answered "$answered" --argjson ended "$(as_json_list "${ended[@]}")" --argjson after "$window_s" '
		map(select(.time >= $begin and .time <= $until + $after * 1e9)) as $refused | {name: $name, begin_ns: $begin,
		end_ns: $until, status: $status, answered: $answered, ended: $ended, refused: ($refused | length),
		own: [$refused[] | select(.own) | .thing] | unique}' >>"$guarded_file"
}

# All that was refused so far, as JSON lines: time, thing, and whether it was the service's own process.
guard_refusals() {
	jq -c '.output_fields | select(."lutra.verdict" == "deny" or ."lutra.verdict" == "kill") | {time: ."evt.time",
		own: (."lutra.exec_session" | not), thing: "\(."lutra.group") \(."lutra.role") \(if (."lutra.object" // "") == ""
		then ."evt.type" else ."lutra.object" end)"}' "$stage/events.jsonl"
}

# True once every refusal that the kernel counted is in the daemon's file.
guard_has_told() {
	[ "$(guard_refusals | wc -l)" -ge \
		"$(ctl status --json | jq '[.containers[].counters | .deny + .kill] | add // 0')" ]
}

# The last line: whether all events were made, and what was refused to the service's own processes outside of them.
guarded_rest() {
	local done=false
	[ -n "$(guarded_left)" ] || done=true
	guard_refusals | jq -sc --slurpfile events "$guarded_file" --argjson done "$done" --argjson after "$window_s" '
		{done: $done, other: [.[] | select(.own) | . as $r | select(any($events[] | select(.name); $r.time >= .begin_ns and
		$r.time <= .end_ns + $after * 1e9) | not) | .thing] | unique}' >>"$guarded_file"
}

guarded_summary() {
	jq -rs 'map(select(.name)) | "\(length) events, \(map(select(.own != [])) | length) with a refusal of its own process, " +
		"\(map(select(.answered | not)) | length) after which it ended or did not answer"' "$guarded_file"
}
