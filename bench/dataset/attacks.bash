# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the attacks of the data set share. Each service's file has its attacks: functions
# attack_KIND and adaptive_KIND, which are true if the attack reached its goal, and call harm() for
# each harmful thing that they did. Sourced after lib.bash.

harms=() # what the attack did, as mark-attack looks for it in the trace

# harm OPERATION PATTERN: an operation that does harm, in the words of `lutra trace dump`. A run in
# whose attack no such operation is found is no run.
harm() {
	harms+=("$1 $2")
}

# attack_written_down NAME BEGIN_NS END_NS
attack_written_down() {
	jq -n --arg name "$1" --argjson begin "$2" --argjson end "$3" \
		--argjson harms "$(as_json_list "${harms[@]}")" \
		'{name: $name, begin_ns: $begin, end_ns: ($end + 10000000), harms: $harms}' >"$stage/attack.json"
}

# The listener of reverse shells and of stolen data, on the peers' address. Its port is 4444.
listener_begin() {
	: >"$stage/listen"
	# shellcheck disable=SC2016
	in_network "$programs/listen" 4444 "$patience" "${1:-echo I am \$(id -un)}" >"$stage/listen" &
	listener=$!
	children[$listener]=1
	until_true "$patience" grep -q listening "$stage/listen"
}

# listener_got PATTERN: what came to the listener, waited for.
listener_got() {
	until_true 20 grep -qE -- "$1" "$stage/listen"
}

listener_end() {
	end "$listener"
}

# inject CONTAINER PATTERN EXPRESSION: code inside a process of the container, called by a debugger of the
# host, as an exploit's payload would run there.
inject() {
	local pid
	pid=$(tasks_named "$1" "$2" | head -n 1)
	timeout 60 gdb -q -nx -batch -p "$pid" -ex 'set confirm off' -ex 'set unwindonsignal on' \
		-ex "$3" -ex detach </dev/null
}
