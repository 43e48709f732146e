# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# One run of one service of the data set: its containers, their network, what asks them, and what
# is written down of it. Sourced after tests/e2e/lib.bash. A service is a file services/NAME.bash
# that sets the variables and functions named under "A service" in docs/dataset.md.
#
# Each container has the image's tree as the lower layer of an overlay, and an upper layer of its
# own; its volumes are directories of an ext4 file system of its own. All containers of a run share
# one network namespace, as those of a pod do. Their address is 10.88.0.2. Clients and peers run
# outside the containers, in a second network namespace, at 10.88.0.1.

here=${here:?}
images=$root/build/images
own_address=10.88.0.2 peer_address=10.88.0.1
network_pid=''            # holds the containers' network namespace
peers_network_pid=''      # holds the network namespace of clients and peers
declare -A container_pid  # host's pid of each container's first process
declare -A container_user # its uid:gid, by container
declare -A recorders      # pid of `lutra record`, by container
declare -A peer_pid       # by the peer's name
held_networks=()          # pids of the processes that hold the two network namespaces
events_file=''            # JSON lines: what happened, with begin and end
train_seconds=300         # of a training run of the full size
volume_mb=512             # of a container's volumes; the file that holds them is sparse

client_environment=(PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8 PGPASSWORD=secret)

# What an engine gives a container by default.
default_capabilities=(CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_BIND_SERVICE
	CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT)

# What stage_end() looks for. Mounts end with the run's own mount namespace. Of processes, those of the
# containers: to look at all of the host's costs a second, and many runs go side by side.
mounts() {
	:
}

processes() {
	find "$cgroot$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# ---- numbers by seed ----

# seed_set SEED FILE: of this shell and its subshells. Bash seeds RANDOM anew in each subshell,
# "$(between 1 6)" too, so between(), pick() and chance() have a state of their own, in a file.
seed_set() {
	RANDOM=$1
	random_file=$2
	echo "$1" >"$random_file"
}

# Sets random_number.
draw_number() {
	local state
	read -r state <"$random_file"
	state=$(((state * 1103515245 + 12345) & 0x7fffffff))
	echo "$state" >"$random_file"
	random_number=$((state >> 8))
}

# between LOW HIGH: a number of this seed's.
between() {
	draw_number
	echo $(($1 + random_number % ($2 - $1 + 1)))
}

# pick WORD…: one of them.
pick() {
	local words=("$@")
	draw_number
	echo "${words[random_number % ${#words[@]}]}"
}

# chance PERCENT: true so often.
chance() {
	draw_number
	[ $((random_number % 100)) -lt "$1" ]
}

# Now, in nanoseconds of the clock that records carry. Its steps are 10 ms.
monotonic_ns() {
	local now
	read -r now _ </proc/uptime
	echo "${now/./}0000000"
}

# ---- the network ----

# hold_network: a process that holds a new network namespace; sets held_pid. It lives until networks_end():
# the number of a network that is gone is soon another run's.
hold_network() {
	unshare -n sleep infinity &
	held_pid=$!
	until_true "$patience" has_own_network "$held_pid"
	held_networks+=("$held_pid")
}

has_own_network() {
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

network_begin() {
	hold_network
	network_pid=$held_pid
	hold_network
	peers_network_pid=$held_pid
	ip link add eth0 netns "$network_pid" type veth peer name peer0 netns "$peers_network_pid"
	in_network ip link set lo up
	in_network ip addr add "$peer_address/24" dev peer0
	in_network ip link set peer0 up
	inside_network ip link set lo up
	inside_network ip addr add "$own_address/24" dev eth0
	network_up
	# As engines set it: a user that is not root binds port 80.
	# shellcheck disable=SC2016
	inside_network bash -c 'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
}

# Ends what is left in the two networks: a connection's process of a peer, a client that nobody waited for.
networks_end() {
	local holder network
	for holder in "${held_networks[@]}"; do
		grep -qs "^PPid:[[:space:]]*$$\$" "/proc/$holder/status" || continue # it ended: its network may be another's
		network=$(readlink "/proc/$holder/ns/net") || continue
		[[ "$network" = net:* ]] && [ "$network" != "$(readlink /proc/self/ns/net)" ] || continue
		find /proc/[0-9]*/ns/net -maxdepth 0 -printf '%l %p\n' 2>/dev/null |
			awk -F'[ /]' -v network="$network" -v holder="$holder" '$1 == network && $4 != holder { print $4 }' |
			xargs -r kill -KILL || true
		end "$holder"
	done
}

# The containers' link and their default route.
network_up() {
	inside_network ip link set eth0 up
	inside_network ip route add default via "$peer_address" dev eth0
}

# in_network COMMAND…: a program of the host in the network of clients and peers.
in_network() {
	nsenter -t "$peers_network_pid" -n "$@"
}

# inside_network COMMAND…: a program of the host in the containers' network.
inside_network() {
	nsenter -t "$network_pid" -n "$@"
}

# in_clients COMMAND…: a program of the clients' image in the network of clients and peers.
in_clients() {
	in_network env -i "${client_environment[@]}" chroot "$images/clients" "$@"
}

# client COMMAND…: as in_clients(), for at most $client_limit seconds, with no standard input.
client() {
	in_clients timeout "${client_limit:-60}" "$@" </dev/null
}

# client_stdin COMMAND…: as client(), with the caller's standard input.
client_stdin() {
	in_clients timeout "${client_limit:-60}" "$@"
}

# fetch PATH [CURL OPTION…]: a request to the service's port, answer on stdout; false if it failed.
fetch() {
	local path=$1
	shift
	client curl -sS --max-time 20 "$@" "http://$own_address:${port:?}$path"
}

# peer_exec COMMAND…: as in_clients(), in place of this shell, so that its pid is that of the command.
peer_exec() {
	exec nsenter -t "$peers_network_pid" -n env -i "${client_environment[@]}" chroot "$images/clients" "$@"
}

# peer_start NAME COMMAND…: a program of the clients' image that containers talk to, until the run ends.
# It writes to $stage/peer-NAME.log.
peer_start() {
	local name=$1
	shift
	peer_exec "$@" </dev/null >"$stage/peer-$name.log" 2>&1 &
	peer_pid[$name]=$!
	children[$!]=1
}

peer_stop() {
	end "${peer_pid[$1]}"
}

# app_peer_start NAME METADATA_ADDRESS: services/peer.py, which an application talks to.
app_peer_start() {
	peer_start "$1" python3 -c "$(cat "$here/services/peer.py")" "$peer_address" "$2"
}

# The peer of an application on a cloud's machine: its metadata are at the address that clouds have for them.
world_begin() {
	in_network ip addr add 169.254.169.254/32 dev peer0
	world_start
}

world_start() {
	app_peer_start world 169.254.169.254
}

# The resolver of all containers: names of peers are those of the run, all else does not exist.
resolver_start() {
	peer_start resolver dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--listen-address="$peer_address" --bind-interfaces --user=root --pid-file= \
		--address="/peer.example/$peer_address" --address="/service.example/$own_address" \
		--local=/example/ --log-facility=-
}

# ---- programs of the service's image outside, for services whose clients come with it ----

outside_environment=(PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 HOME=/mnt)

# outside_begin: before the others. $stage/outside is /mnt for these programs.
outside_begin() {
	mkdir -p "$stage/outside"
	mount --bind "$stage/outside" "$images/$service/mnt"
}

# outside COMMAND…: in the network of the peers, for at most $client_limit seconds, with the caller's standard input.
outside() {
	in_network env -i "${outside_environment[@]}" chroot "$images/$service" timeout "${client_limit:-60}" "$@"
}

# outside_start NAME COMMAND…: as peer_start().
outside_start() {
	local name=$1
	shift
	nsenter -t "$peers_network_pid" -n env -i "${outside_environment[@]}" chroot "$images/$service" "$@" \
		</dev/null >"$stage/peer-$name.log" 2>&1 &
	peer_pid[$name]=$!
	children[$!]=1
}

# ---- images ----

# images_of: the images of the service's containers, one a line.
images_of() {
	local c
	for c in "${containers[@]}"; do
		container_defaults
		container_fields "$c"
		echo "$image"
	done | sort -u
}

# Those of the service and of its clients, made where they are not there.
images_make() {
	local name
	while read -r name; do
		"$here/image" "$name"
	done < <(echo clients && images_of)
}

# ---- containers ----

# volume_path CONTAINER PATH: where the host has the volume that the container mounts at PATH.
volume_path() {
	echo "$stage/volumes/$1/${2//\//_}"
}

# image_path CONTAINER PATH: where the host sees a file of the running container, in volumes too.
image_path() {
	echo "/proc/${container_pid[$1]}/root$2"
}

as_json_list() {
	jq -nc '$ARGS.positional' --args -- "$@"
}

mount_json() {
	jq -nc --arg to "$1" --arg type "$2" --arg from "$3" '{destination: $to, type: $type, source: $from,
		options: $ARGS.positional}' --args -- "${@:4}"
}

# The mounts of an engine, then those of the container.
container_mounts() {
	local c=$1 m
	mount_json /proc proc proc nosuid noexec nodev
	mount_json /dev tmpfs tmpfs nosuid mode=755 size=65536k
	mount_json /dev/pts devpts devpts nosuid noexec newinstance ptmxmode=0666 mode=0620
	mount_json /dev/shm tmpfs shm nosuid noexec nodev mode=1777 size=64m
	mount_json /dev/mqueue mqueue mqueue nosuid noexec nodev
	mount_json /sys sysfs sysfs nosuid noexec nodev ro
	for m in hosts hostname resolv.conf; do
		mount_json "/etc/$m" bind "$stage/etc/$c/$m" bind rw
	done
	for m in "${volumes[@]}"; do
		mount_json "$m" bind "$(volume_path "$c" "$m")" bind rw
	done
	for m in "${tmpfs[@]}"; do
		mount_json "$m" tmpfs tmpfs nosuid nodev mode=1777 size=64m
	done
}

container_json() {
	local c=$1 capabilities_json mounts_json own_cgroup=@CGROUP@
	[ -z "${guard_mode:-}" ] || own_cgroup=$(guard_cgroup "$c")
	capabilities_json=$(as_json_list "${capabilities[@]}")
	mounts_json=$(container_mounts "$c" | jq -sc .)
	jq -n --argjson args "$(as_json_list "${arguments[@]}")" --argjson caps "$capabilities_json" \
		--argjson env "$(as_json_list "${environment[@]}")" --argjson mounts "$mounts_json" \
		--argjson uid "${user%%:*}" --argjson gid "${user##*:}" --arg cwd "$directory" \
		--arg root "$stage/root/$c" --arg host "$c" --arg net "/proc/$network_pid/ns/net" \
		--arg cgroup "$own_cgroup" '{
		ociVersion: "1.0.0",
		process: {user: {uid: $uid, gid: $gid}, args: $args, env: $env, cwd: $cwd, noNewPrivileges: false,
			capabilities: {bounding: $caps, effective: $caps, permitted: $caps}},
		root: {path: $root}, hostname: $host, mounts: $mounts,
		linux: {cgroupsPath: $cgroup,
			namespaces: [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}, {type: "cgroup"},
				{type: "network", path: $net}],
			maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/sys/firmware"],
			readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}}'
}

# The fields of a container before its service sets them.
container_defaults() {
	image=$service user=0:0 directory=/ arguments=() volumes=() tmpfs=(/tmp /run)
	environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
	capabilities=("${default_capabilities[@]}")
}

# A new upper layer, new volumes, and what an engine writes to /etc.
container_files() {
	local c=$1 m
	mkdir -p "$stage"/{root,upper,work,etc,volumes}/"$c"
	mount -t overlay overlay -o "lowerdir=$images/$image,upperdir=$stage/upper/$c,workdir=$stage/work/$c" \
		"$stage/root/$c"
	[ ${#volumes[@]} -eq 0 ] || ! loop_works || volumes_mount "$c"
	for m in "${volumes[@]}"; do
		mkdir -p "$(volume_path "$c" "$m")"
		# As an engine fills a new volume: with what the image has there.
		[ ! -d "$images/$image$m" ] || cp -a "$images/$image$m/." "$(volume_path "$c" "$m")/"
	done
	printf '127.0.0.1 localhost\n%s %s\n%s peer.example\n' "$own_address" "${containers[*]}" "$peer_address" \
		>"$stage/etc/$c/hosts"
	echo "$c" >"$stage/etc/$c/hostname"
	printf 'nameserver %s\n' "$peer_address" >"$stage/etc/$c/resolv.conf"
}

# A disk of their own, which may be full, where the kernel has loop devices.
volumes_mount() {
	truncate -s "${volume_mb}M" "$stage/volumes/$1.ext4"
	mkfs.ext4 -q -m 0 "$stage/volumes/$1.ext4"
	mount -o loop "$stage/volumes/$1.ext4" "$stage/volumes/$1"
	rmdir "$stage/volumes/$1/lost+found"
}

# volume_thaw CONTAINER: its disk goes on, if a rare event has stopped it.
volume_thaw() {
	fsfreeze -u "$stage/volumes/$1" 2>/dev/null || true
}

loop_works() {
	[ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null
}

# record_begin CONTAINER: into $stage/CONTAINER.ltr, from before the container's start.
record_begin() {
	local c=$1
	mkdir "$cgroot$cgroup/$c"
	"$bin/lutra" record --cgroup "$cgroot$cgroup/$c" --image "dataset/$c" -o "$stage/$c.ltr" \
		>"$stage/$c.record.log" 2>&1 &
	recorders[$c]=$!
	children[$!]=1
	until_true "$patience" is_recording "$c" || true
	alive "${recorders[$c]}" || fail "$c is not recorded: $(tail -n 1 "$stage/$c.record.log")"
}

is_recording() {
	grep -qs recording "$stage/$1.record.log" || dead "${recorders[$1]}"
}

# container_begin CONTAINER: record it, or guard it, and start it.
container_begin() {
	local c=$1
	container_defaults
	container_fields "$c"
	container_files "$c"
	if [ -n "${guard_mode:-}" ]; then
		guard_container "$c"
	else
		record_begin "$c"
	fi
	container_json "$c" >"$stage/$c.json"
	container_user[$c]=$user
	CONFIG=$stage/$c.json "$e2e/container" start "$stage/containers/$c" "$cgroup/$c"
	container_pid[$c]=$("$e2e/container" pid "$stage/containers/$c")
}

# container_end CONTAINER: stop it, and end its trace if it has one. Its mounts end with this script.
container_end() {
	local c=$1
	"$e2e/container" stop "$stage/containers/$c"
	[ -z "${recorders[$c]:-}" ] || end "${recorders[$c]}"
}

# session CONTAINER COMMAND…: in a new process of root in the container, as `podman exec -u root` makes it.
session() {
	session_as 0:0 "$@"
}

# session_as UID:GID CONTAINER COMMAND…: ended after session_seconds, if that is set.
session_as() {
	local c=$2
	EXEC_USER=$1 EXEC_CAPS=$([ "$1" != 0:0 ] || echo "${default_capabilities[*]}") \
		timeout "${session_seconds:-0}" "$e2e/container" exec "$stage/containers/$c" "${@:3}" </dev/null
}

# container_signal CONTAINER SIGNAL: to its first process, as `podman kill` does.
container_signal() {
	kill -"$2" "${container_pid[$1]}"
}

# tasks_named CONTAINER PATTERN: the host's pids of its processes whose command line matches.
tasks_named() {
	local p
	find "$cgroot$cgroup/$1" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r p; do
		tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -qE -- "$2" && echo "$p"
	done || true
}

# ---- what happened ----

# event KIND NAME COMMAND…: run the command, and write down when it began and ended. It may fail.
event() {
	local kind=$1 name=$2 begin r=0
	shift 2
	begin=$(monotonic_ns)
	"$@" >>"$stage/events.log" 2>&1 || r=$?
	# The clock of /proc/uptime is up to 10 ms behind.
	jq -nc --arg kind "$kind" --arg name "$name" --argjson begin "$begin" --argjson until "$(monotonic_ns)" \
		--argjson status "$r" --argjson lasts "$event_lasts" '{kind: $kind, name: $name, begin_ns: $begin,
			end_ns: ($until + 10000000), status: $status, lasts: $lasts}' >>"$events_file"
	return 0
}

work_rest_s=0 # added to each pause

# work_for SECONDS: requests with pauses between them; an administrator's work at a third, and at two thirds.
work_for() {
	local until=$((SECONDS + $1)) first=$((SECONDS + $1 / 3)) second=$((SECONDS + $1 * 2 / 3)) think
	while [ "$SECONDS" -lt "$until" ]; do
		request || true
		if [ "$SECONDS" -ge "$first" ]; then
			first=$second second=$until
			administer || true
		fi
		think=$((RANDOM % 100))
		sleep "$((work_rest_s + think / 100)).$((think % 100 / 10))$((think % 10))"
	done >>"$stage/work.log" 2>&1
}
