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
