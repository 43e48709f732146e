# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the tests and the measurement of the page share: packages, a daemon that serves, a container
# under guard. Sourced after tests/e2e/lib.bash.

web=$root/build/web
chromium=${LUTRA_CHROMIUM:-$(command -v chromium || true)}
# A name that would do something where it got into HTML.
guarded=${LUTRA_GUARDED:-notes <img src=x onerror=alert(1)>}

# Pinned by version and sum in the lock file; from npm's registry only when they are not here yet.
web_packages() {
	local tool
	for tool in node npm; do
		command -v "$tool" >/dev/null || skip "no $tool here"
	done
	[ -x "$chromium" ] || skip "no chromium here: make deps-check"
	mkdir -p "$web"
	cmp -s "$root/tests/web/package-lock.json" "$web/installed.json" && return
	cp "$root"/tests/web/package.json "$root"/tests/web/package-lock.json "$web/"
	(cd "$web" && run npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 >"$web/npm.log" 2>&1) ||
		skip "npm's packages are not to be had here: $(tail -n 1 "$web/npm.log")"
	cp "$root/tests/web/package-lock.json" "$web/installed.json"
}

# As daemon_start, with HTTP on a port that the kernel chooses.
web_daemon_start() {
	local policy
	policy=$(demo_policy)
	mkdir -p "$stage/policies"
	cp -r "$policy" "$stage/policies/notes"
	rm -rf "$stage/policies/notes/previous"
	cp -r "$policy" "$stage/policies/notes/previous"
	set_actions "$stage/policies/notes/previous" bind log
	cat >"$stage/config.json" <<-JSON
	{
	  "socket": "$stage/lutrad.sock",
	  "state_dir": "$stage",
	  "policies_dir": "$stage/policies",
	  "pin_dir": null,
	  "http": {"listen": "127.0.0.1:0", "read_without_token": true}
	}
	JSON
	"$bin/lutrad" --config "$stage/config.json" >"$stage/lutrad.log" 2>&1 &
	daemon=$!
	children[$daemon]=1
	until_true "$patience" daemon_answers_or_dead
	alive "$daemon" || fail "lutrad: $(tail -n 1 "$stage/lutrad.log")"
	until_true "$patience" grep -q ' port [0-9]' "$stage/lutrad.log"
	LUTRA_HTTP_PORT=$(sed -n 's/.*http on .* port \([0-9]*\).*/\1/p' "$stage/lutrad.log" | tail -n 1)
	export LUTRA_HTTP_PORT LUTRA_CHROMIUM=$chromium LUTRA_TOKEN_FILE=$stage/http.token
	export LUTRA_SOCKET=$stage/lutrad.sock LUTRA_CONFIG=$stage/config.json LUTRA_DAEMON=$daemon
	export LUTRA_CONTAINER=$guarded
}

web_enroll() {
	ctl enroll --cgroup "$cgroot$cgroup" --policy notes --mode audit --force --name "$guarded" >/dev/null
}

# An attack as a program, for the browser's test: a shell through the service's hole.
web_attack_program() {
	{
		echo '#!/bin/bash'
		declare -p service_pid stage
		declare -f ask quote inject attack_shell
		echo 'attack_shell >/dev/null'
	} >"$stage/attack"
	chmod +x "$stage/attack"
	export LUTRA_ATTACK=$stage/attack
}
