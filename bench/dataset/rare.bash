# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Rare events of the soak runs: what happens to a service now and then, and in none of its training
# runs. Each is a function rare_NAME. A service may add its own (rare_own=(NAME…)) and leave out
# what cannot happen to it (rare_not=(NAME…)). Sourced after lib.bash.
#
# They happen to the first of the service's containers.

rare_common=(shell health_check backup_job search_job configuration resolv_conf hosts_file timezone
	library program resolver_gone link_down paused descriptors tmp_full worker_killed malformed
	slow_clients port_scan copied_file)
rare_own=() rare_not=()

rare_names() {
	local name
	for name in "${rare_common[@]}" "${rare_own[@]}"; do
		[[ " ${rare_not[*]} " == *" $name "* ]] || echo "$name"
	done
}

first_container() {
	echo "${containers[0]}"
}

# ---- an operator ----

rare_shell() {
	session "$(first_container)" /bin/sh -c 'id; hostname; ls -la / /etc /tmp; cat /proc/loadavg /etc/os-release
		/proc/meminfo; for p in /proc/[0-9]*; do cat $p/comm; done; env; df; umask; ulimit -a; date'
}

# As an engine makes it: every few seconds.
rare_health_check() {
	local i
	for i in 1 2 3 4 5; do
		session "$(first_container)" "${health[@]}"
		sleep 2
	done
}

rare_backup_job() {
	session "$(first_container)" /bin/sh -c "mkdir -p /tmp/backup && cp -r ${data_directory:?} /tmp/backup/ &&
		gzip -r /tmp/backup; du -s /tmp/backup; rm -rf /tmp/backup"
}

rare_search_job() {
	session "$(first_container)" /bin/sh -c 'find / -xdev -newer /etc/hostname -type f | head -n 50; wc -c /etc/passwd'
}

# A file that `podman cp` brings, and somebody looks at.
rare_copied_file() {
	local c
	c=$(first_container)
	date >"$(image_path "$c" /root/notes.txt)"
	session "$c" /bin/sh -c 'cat /root/notes.txt; rm /root/notes.txt'
}

# ---- files that change ----

# The configuration, edited, with two new files beside it, and read again.
rare_configuration() {
	local c file
	c=$(first_container)
	file=$(image_path "$c" "${configuration_file:?}")
	cp -p "$file" "$file.old"
	cp -p "$file" "$(dirname "$file")/edited-$RANDOM.tmp"
	printf '\n%s\n' "${configuration_comment:-# edited}" >>"$file"
	reload_service
}

rare_resolv_conf() {
	local c
	c=$(first_container)
	printf 'search example\nnameserver %s\noptions timeout:1 attempts:1\n' "$peer_address" >"$stage/etc/$c/resolv.conf"
	sleep 5
}

rare_hosts_file() {
	local c
	c=$(first_container)
	printf '%s other.example\n' "$peer_address" >>"$stage/etc/$c/hosts"
	sleep 5
}

rare_timezone() {
	session "$(first_container)" /bin/sh -c 'ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime.new &&
		mv /etc/localtime.new /etc/localtime'
	reload_service
}

# replace_file PATH: by an equal one, as an upgrade of its package does.
replace_file() {
	session "$(first_container)" /bin/sh -c 'cp -p "$0" "$0.dpkg-new" && mv "$0.dpkg-new" "$0"' "$1"
}

# A library that the service has mapped.
rare_library() {
	local c lib
	c=$(first_container)
	lib=$(awk '$6 ~ /\/lib(c|ssl|crypto|z|m|pthread)[.-].*so/ { print $6; exit }' "/proc/${container_pid[$c]}/maps")
	replace_file "$lib"
	reload_service
	sleep 5
}

rare_program() {
	local c
	c=$(first_container)
	replace_file "$(readlink "/proc/${container_pid[$c]}/exe")"
	reload_service
	sleep 5
}

# ---- what the service needs, and does not get ----

rare_resolver_gone() {
	peer_stop resolver
	sleep 15
	resolver_start
}

rare_link_down() {
	in_network ip link set eth0 down
	sleep 10
	in_network ip link set eth0 up
	in_network ip route add default via "$peer_address" dev eth0 onlink
}

rare_paused() {
	local c dir
	c=$(first_container)
	dir=$(dirname "$(find "$cgroot$cgroup/$c" -name cgroup.procs -path "*/$c/*" | head -n 1)")
	echo 1 >"$dir/cgroup.freeze"
	sleep 5
	echo 0 >"$dir/cgroup.freeze"
}

# set_descriptors N: the limit of every process of the container.
set_descriptors() {
	local pid
	for pid in $(tasks_named "$(first_container)" .); do
		prlimit --pid "$pid" --nofile="$1:" || true
	done
}

rare_descriptors() {
	local before
	before=$(awk '/^Max open files/ { print $4 }' "/proc/${container_pid[$(first_container)]}/limits")
	set_descriptors 24
	sleep 10
	set_descriptors "$before"
}

# /tmp is full for a while.
rare_tmp_full() {
	session "$(first_container)" /bin/sh -c 'dd if=/dev/zero of=/tmp/full bs=1M; sleep 10; rm -f /tmp/full'
}

# A process of the service dies; its parent is to notice.
rare_worker_killed() {
	local c pid
	c=$(first_container)
	for pid in $(tasks_named "$c" .); do
		[ "$pid" = "${container_pid[$c]}" ] || { kill -KILL "$pid" && break; }
	done
	sleep 5
}

# ---- strange clients ----

# raw_client SECONDS TEXT: bytes that no well-meaning client sends.
raw_client() {
	# shellcheck disable=SC2016
	in_network timeout "$1" bash -c 'exec 3<>/dev/tcp/'"$own_address/${port:?}"' && printf "$0" >&3 && cat <&3' "$2" || true
}

rare_malformed() {
	raw_client 2 'GET /%%00%%ff HTTP/9.9\r\nContent-Length: -1\r\n\r\n'
	raw_client 2 '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
	raw_client 2 "$(head -c 3000 /dev/zero | tr '\0' A)\r\n"
	raw_client 2 '\x00\x00\x00\x00\xff\xff\xff\xff'
}

# Connections that say nothing.
rare_slow_clients() {
	local i pids=()
	for i in {1..20}; do
		raw_client 8 'G' &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

rare_port_scan() {
	local p
	for p in $(seq 1 40) "$port" 8080 8443 9000; do
		in_network timeout 1 bash -c "exec 3<>/dev/tcp/$own_address/$p" 2>/dev/null || true
	done
}
