# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Rare events of the soak runs: what happens to a service now and then, and in none of its training
# runs. Each is a function rare_NAME. A service may add its own (rare_own=(NAME…)) and leave out
# what cannot happen to it (rare_not=(NAME…)). Sourced after lib.bash.
#
# They happen to the first of the service's containers.
#
# An event ends what it began: a job, a listener, a setting, a file that the service reads. The functions
# keep_file() and undo() see to it, and it still counts as the event's time. What stays changed is what does so in
# real life, a program, a library or a certificate that was replaced. Such an event calls lasts().

rare_common=(shell health_check backup_job search_job configuration resolv_conf hosts_file timezone
	library program resolver_gone link_down paused descriptors tmp_full volume_full volume_slow memory_short
	processor_short worker_killed malformed slow_clients port_scan copied_file)
rare_own=() rare_not=()
event_undo=()     # commands that end the event, in their order, quoted for the shell
event_lasts=false # what the event changed stays

# Those that can happen to the service here.
rare_names() {
	local name
	for name in "${rare_common[@]}" "${rare_own[@]}"; do
		[[ " ${rare_not[*]} " != *" $name "* ]] || continue
		case $name in
		volume_full | volume_slow) has_volume_disk || continue ;;
		memory_short) limit_directory memory >/dev/null || continue ;;
		processor_short) limit_directory cpu >/dev/null || continue ;;
		esac
		echo "$name"
	done
}

first_container() {
	echo "${containers[0]}"
}

# rare_event NAME: makes it happen, and ends what it began.
rare_event() {
	local r=0 command
	event_undo=() event_lasts=false
	"rare_$1" || r=$?
	for command in "${event_undo[@]}"; do
		eval "$command" || true
	done
	return "$r"
}

# undo COMMAND…: runs the command at the end of the event.
undo() {
	local command
	printf -v command '%q ' "$@"
	event_undo+=("$command")
}

# keep_file CONTAINER PATH: puts a file or a directory back at the end of the event, before what undo() was told. If
# it does not exist now, removes it then.
keep_file() {
	local file kept command
	file=$(image_path "$1" "$2")
	kept=$(mktemp -d "$stage/kept.XXXXXX")
	[ ! -e "$file" ] && [ ! -L "$file" ] || cp -a "$file" "$kept/file"
	printf -v command 'put_back %q %q' "$file" "$kept/file"
	event_undo=("$command" "${event_undo[@]}")
}

# put_back FILE KEPT: KEPT takes the place of FILE, in one step.
put_back() {
	if [ -e "$2" ] || [ -L "$2" ]; then
		cp -a "$2" "$1.kept"
		mv -T "$1.kept" "$1"
	else
		rm -rf "$1"
	fi
}

# What the event changed stays changed.
lasts() {
	event_lasts=true
}

# certificate_renew CONTAINER DIRECTORY [OWNER]: cert.pem and key.pem there are replaced, as a job of an authority does.
certificate_renew() {
	local tls
	lasts
	tls=$(image_path "$1" "$2")
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=service.example -keyout "$tls/key.pem.new" \
		-out "$tls/cert.pem.new" 2>/dev/null
	[ $# = 2 ] || chown "$3" "$tls"/*.new
	mv "$tls/key.pem.new" "$tls/key.pem"
	mv "$tls/cert.pem.new" "$tls/cert.pem"
}

# ---- an operator ----

rare_shell() {
	session "$(first_container)" /bin/sh -c 'id; hostname; ls -la / /etc /tmp; cat /proc/loadavg /etc/os-release \
		/proc/meminfo; for p in /proc/[0-9]*; do cat $p/comm; done; env; df; umask; ulimit -a; date'
}

# As an engine makes it: every few seconds. An engine ends a check that takes 30 seconds.
rare_health_check() {
	local i
	for i in 1 2 3 4 5; do
		session_seconds=30 session_as "${container_user[$(first_container)]}" "$(first_container)" "${health[@]}"
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
	local c file edited
	c=$(first_container)
	file=$(image_path "$c" "${configuration_file:?}")
	edited=$(dirname "$configuration_file")/edited-$RANDOM.tmp
	keep_file "$c" "$configuration_file"
	keep_file "$c" "$configuration_file.old"
	keep_file "$c" "$edited"
	undo reload_service
	cp -p "$file" "$file.old"
	cp -p "$file" "$(image_path "$c" "$edited")"
	printf '\n%s\n' "${configuration_comment:-# edited}" >>"$file"
	reload_service
}

rare_resolv_conf() {
	local file
	file=$stage/etc/$(first_container)/resolv.conf
	cp "$file" "$file.kept"
	undo cp "$file.kept" "$file" # the container has it as a mount: it stays the same file
	printf 'search example\nnameserver %s\noptions timeout:1 attempts:1\n' "$peer_address" >"$file"
	sleep 5
}

rare_hosts_file() {
	local file
	file=$stage/etc/$(first_container)/hosts
	cp "$file" "$file.kept"
	undo cp "$file.kept" "$file"
	printf '%s other.example\n' "$peer_address" >>"$file"
	sleep 5
}

rare_timezone() {
	keep_file "$(first_container)" /etc/localtime
	undo reload_service
	session "$(first_container)" /bin/sh -c 'ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime.new &&
		mv /etc/localtime.new /etc/localtime'
	reload_service
}

# replace_file PATH: by an equal one, as an upgrade of its package does.
replace_file() {
	lasts
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
	inside_network ip link set eth0 down
	sleep 10
	network_up
}

rare_paused() {
	local freeze
	freeze=$cgroot$cgroup/$(first_container)/cgroup.freeze
	echo 1 >"$freeze"
	sleep 5
	echo 0 >"$freeze"
}

# limit_directory CONTROLLER: where limits of the first container are written: its cgroup, or, where the
# controller is one of cgroup v1, a new cgroup of that hierarchy, below this script's. False if there is none.
limit_directory() {
	local v2 v1 own
	v2=$cgroot$cgroup/$(first_container)
	if grep -qsw "$1" "$v2/cgroup.controllers"; then
		echo "$v2"
		return
	fi
	v1=$(awk -v controller="$1" '$3 == "cgroup" && $4 ~ ("(^|,)" controller "(,|$)") { print $2; exit }' /proc/self/mounts)
	own=$(awk -F: -v controller="$1" '$2 ~ ("(^|,)" controller "(,|$)") { print $3 }' /proc/self/cgroup)
	[ -n "$v1" ] && echo "$v1${own%/}$cgroup"
}

# limit_begin CONTROLLER: sets limited. Under cgroup v1 the container's tasks move there.
limit_begin() {
	local pid
	limited=$(limit_directory "$1") || return
	[[ "$limited" != "$cgroot"/* ]] || return 0
	mkdir "$limited"
	for pid in $(tasks_named "$(first_container)" .); do
		echo "$pid" >"$limited/cgroup.procs" || true
	done
}

limit_end() {
	[[ "$limited" != "$cgroot"/* ]] || return 0
	limit_leave
	until_true 10 rmdir "$limited" 2>/dev/null # a task that ended may be there for a moment
}

# Back to where they came from, until none is left.
limit_leave() {
	local pid
	while grep -qs . "$limited/cgroup.procs"; do # such a file has no size
		while read -r pid; do
			echo "$pid" >"$(dirname "$limited")/cgroup.procs" || true
		done <"$limited/cgroup.procs"
	done
}

# Nearly no new memory for ten seconds: who wants more waits.
rare_memory_short() {
	limit_begin memory || return
	if [ -e "$limited/memory.high" ]; then
		cat "$limited/memory.current" >"$limited/memory.high"
		sleep 10
		echo max >"$limited/memory.high"
	else
		echo 1 >"$limited/memory.oom_control"
		echo 4M >"$limited/memory.limit_in_bytes"
		sleep 10
		echo -1 >"$limited/memory.limit_in_bytes"
	fi
	limit_end
}

# A fiftieth of a processor for ten seconds.
rare_processor_short() {
	limit_begin cpu || return
	if [ -e "$limited/cpu.max" ]; then
		echo 2000 100000 >"$limited/cpu.max"
		sleep 10
		echo max >"$limited/cpu.max"
	else
		echo 2000 >"$limited/cpu.cfs_quota_us"
		sleep 10
		echo -1 >"$limited/cpu.cfs_quota_us"
	fi
	limit_end
}

# set_descriptors N: the limit of every process of the container. Each is set by a process of the same user: root
# may not where it lacks CAP_SYS_RESOURCE.
set_descriptors() {
	local pid uid gid
	for pid in $(tasks_named "$(first_container)" .); do
		uid=$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")
		gid=$(awk '/^Gid:/ { print $2 }' "/proc/$pid/status")
		setpriv --reuid "$uid" --regid "$gid" --clear-groups prlimit --pid "$pid" --nofile="$1:" || true
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

# The disk of the service's volumes is full for a while.
rare_volume_full() {
	local disk
	disk=$stage/volumes/$(first_container)
	fallocate -l "$(df --output=avail -B1 "$disk" | tail -n 1)" "$disk/full" || true
	cat /dev/zero >"$disk/full.2" || true
	sleep 12
	rm -f "$disk/full" "$disk/full.2"
}

# That disk takes no write for some seconds.
rare_volume_slow() {
	fsfreeze -f "$stage/volumes/$(first_container)"
	sleep 6
	volume_thaw "$(first_container)"
}

has_volume_disk() {
	mountpoint -q "$stage/volumes/$(first_container)"
}

# A process of the service dies; its parent is to notice.
rare_worker_killed() {
	local c pid
	c=$(first_container)
	for pid in $(tasks_named "$c" .); do
		[ "$pid" != "${container_pid[$c]}" ] || continue
		kill -KILL "$pid"
		break
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
