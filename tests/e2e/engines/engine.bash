# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A real engine for tests: podman below the stage, images of one program, their policies, and what the
# daemon says of containers. Sourced after lib.bash.

pod() {
	"$e2e/engines/podman" "$stage/podman" "$@"
}

# pod_run ARGUMENT…, pod_create ARGUMENT…
pod_run() {
	timeout "$patience" "$e2e/engines/podman" run "$stage/podman" "$cgroup" "$@"
}

pod_create() {
	"$e2e/engines/podman" create "$stage/podman" "$cgroup" "$@"
}

# hooks OPTION…: both hooks, with options for the first.
hooks() {
	local s options='"lutra-hook", '
	options+=$(printf '"%s", ' --config "$stage/config.json" "$@")
	for s in createRuntime poststop; do
		sed "s|@HOOK@|$bin/lutra-hook|; s|\"lutra-hook\", |$options|; s|@STAGE@|$s|g" \
			"$root/packaging/lutra-hook.json.in" >"$stage/podman/hooks.d/lutra-$s.json"
		options=$(printf '"%s", ' lutra-hook --config "$stage/config.json")
	done
}

# image NAME: one with the program, and a policy for it by the name's last part.
image() {
	local name=$1
	cp "$programs/first" "$stage/image/first"
	echo "$name" >"$stage/image/name" # no two are the same image
	tar -C "$stage/image" -cf "$stage/image.tar" .
	pod import -q "$stage/image.tar" "$name" >/dev/null
}

policy() {
	"$bin/lutra" train --image "$2" --exec-sessions guard -o "$stage/policies/$1" "$stage"/run?.ltr >/dev/null 2>&1
}

# edit_policy NAME FILTER
edit_policy() {
	local file=$stage/policies/$1/policy.json
	jq "$2" "$file" >"$stage/policy.json"
	cp "$stage/policy.json" "$file"
}

# The keyctl of containers, as "name image calls-before session verdict".
firsts() {
	jq -r '.output_fields | select(."evt.type" == "keyctl") | [."container.name", ."container.image",
		."lutra.calls" - 1, ."lutra.exec_session", ."lutra.verdict"] | join(" ")' \
		"$stage/events.jsonl" 2>/dev/null || true
}

has_first() {
	firsts | grep -qx "$1"
}

# none_missed PREFIX: the first call of all of each of $starts containers is that of its first instruction.
# shellcheck disable=SC2154 # starts is the caller's
none_missed() {
	local i missed=0
	for ((i = 1; i <= starts; i++)); do
		has_first "$1$i \(localhost/\)\?first:1 0 false alert" || { echo "# missed: $1$i" && missed=1; }
	done
	return "$missed"
}

# crowd_starts: $crowd containers of two images at once.
# shellcheck disable=SC2154 # crowd is the caller's
crowd_starts() {
	local i pids=() r=0 n
	for ((i = 1; i <= crowd; i++)); do
		n=$((i % 2 + 1))
		pod_create --name "c$i" "localhost/first:$n" /first stay >/dev/null
	done
	for ((i = 1; i <= crowd; i++)); do
		pod start "c$i" >/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || r=1
	done
	return "$r"
}

crowd_is_enrolled() {
	local i
	for ((i = 1; i <= crowd; i++)); do
		echo "c$i localhost/first:$((i % 2 + 1)) podman"
	done | sort | diff - <(containers | sort) | sed 's/^/# /'
	return "${PIPESTATUS[1]}"
}

crowd_missed_none() {
	local i
	for ((i = 1; i <= crowd; i++)); do
		until_true "$patience" has_first "c$i localhost/first:$((i % 2 + 1)) 0 false alert" ||
			{ echo "# missed: c$i" && return 1; }
	done
}

# door_is STATE
door_is() {
	[ "$(ctl status --json | jq -r .door.state)" = "$1" ]
}

# door_count NAME: stopped, missed or late.
door_count() {
	ctl status --json | jq -r ".door.$1"
}

# How long processes were stopped, by the log with log_level=debug. The first one pays for the attachment of
# the programs.
door_times() {
	sed -n 's/.*was stopped for \([0-9]*\) us/\1/p' "$stage/lutrad.log" | tail -n +2 | sort -n | awk '{ t[NR] = $1 }
		END { if (NR) printf "stopped: median %.1f ms, p99 %.1f ms, worst %.1f ms of %d\n", t[int((NR + 1) / 2)] / 1000,
			t[int(NR * 0.99 + 0.5)] / 1000, t[NR] / 1000, NR }'
}

containers() {
	ctl status --json | jq -r '.containers[] | "\(.name) \(.image) \(.engine)"'
}

none_enrolled() {
	[ -z "$(containers)" ]
}

# podman_begin NAME: the stage, with podman in it; or skip.
podman_begin() {
	command -v podman >/dev/null || skip "no podman here: make deps-check"
	need_programs first
	stage_begin "$root/build/$1"
	mkdir -p "$stage/podman/hooks.d" "$stage/policies"
	"$e2e/engines/podman" hold "$stage/podman" &
	children[$!]=1
	until_true "$patience" test -s "$stage/podman/holder"
}

# engine_begin NAME: as podman_begin(), with three images, and recordings to train from; or skip.
engine_begin() {
	local i
	podman_begin "$1"
	mkdir -p "$stage/image"
	for i in 1 2 3; do
		image "localhost/first:$i"
		"$bin/lutra" run --record "$stage/run$i.ltr" -- /bin/true 2>/dev/null
	done
	pod_run --rm localhost/first:1 /first 2>"$stage/why" ||
		skip "podman runs nothing here: $(tail -n 1 "$stage/why")"
}
