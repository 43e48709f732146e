# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# nginx, redis and postgres in containers, each with no capability and as a user that is not root,
# and their ordinary work: what users and administrators do, in another mix for each seed. Sourced
# after tests/e2e/lib.bash; `service` names the one of them, `volume` its data on the host.

services=$root/build/services
volume=''
pause=0 # seconds, at most, that nothing is asked of the service, between one kind of work and the next
pgbin=/usr/lib/postgresql/15/bin
declare -A uid=([nginx]=33 [redis]=102 [postgres]=103)
declare -A arguments=([nginx]='"/usr/sbin/nginx"'
	[redis]='"/usr/bin/redis-server", "/etc/redis/redis.conf"'
	[postgres]="\"$pgbin/postgres\", \"-D\", \"/var/lib/postgresql/data\"")

tmpfs() {
	printf '{"destination": "%s", "type": "tmpfs", "source": "tmpfs",
	  "options": ["nosuid", "nodev", "mode=1777", "size=%s"]}' "$1" "$2"
}

bind() {
	printf '{"destination": "%s", "type": "bind", "source": "%s", "options": ["bind", "rw"]}' "$1" "$2"
}

mounts_of() {
	case $service in
	nginx) printf '%s, %s' "$(tmpfs /var/cache/nginx 64m)" "$(bind /var/log/nginx "$volume")" ;;
	redis) bind /var/lib/redis "$volume" ;;
	postgres) printf '%s, %s' "$(tmpfs /dev/shm 128m)" "$(bind /var/lib/postgresql/data "$volume")" ;;
	esac
}

configuration() {
	cat <<-JSON
	{
	  "ociVersion": "1.0.0",
	  "process": {
	    "user": {"uid": ${uid[$service]}, "gid": ${uid[$service]}},
	    "args": [${arguments[$service]}],
	    "env": ["PATH=/usr/sbin:/usr/bin", "LANG=C"],
	    "cwd": "/",
	    "noNewPrivileges": true
	  },
	  "root": {"path": "$services/rootfs", "readonly": true},
	  "hostname": "$service",
	  "mounts": [
	    {"destination": "/proc", "type": "proc", "source": "proc"},
	    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
	    $(tmpfs /tmp 64m), $(tmpfs /run 16m), $(mounts_of)
	  ],
	  "linux": {
	    "cgroupsPath": "@CGROUP@",
	    "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "ipc"},
	      {"type": "uts"}, {"type": "cgroup"}]
	  }
	}
	JSON
}

# Data as an installation begins with it.
volume_new() {
	volume=$stage/volume
	rm -rf "$volume"
	if [ "$service" = postgres ]; then
		cp -a "$services/postgres" "$volume"
	else
		install -d -o "${uid[$service]}" -g "${uid[$service]}" "$volume"
	fi
}

# SECCOMP=FILE: under that profile.
with_profile() {
	if [ -n "${SECCOMP:-}" ]; then
		jq --slurpfile profile "$SECCOMP" '.linux.seccomp = $profile[0]'
	else
		cat
	fi
}

# Start the container on the data that is there.
container_start() {
	configuration | with_profile >"$stage/configuration"
	CONFIG=$stage/configuration service_start
	until_true "$patience" answers || fail "$service does not answer: $(tail -n 3 "$stage/$service/log")"
}

# client COMMAND…: in the container's network, but none of its processes.
client() {
	run nsenter -t "$service_pid" -n env PGPASSWORD=secret PGUSER=postgres PGHOST=127.0.0.1 \
		chroot "$services/rootfs" "$@" </dev/null
}

answers() {
	case $service in
	nginx) client ab -q -n 1 http://127.0.0.1:8080/ ;;
	redis) client redis-cli ping | grep PONG ;;
	postgres) client "$pgbin/pg_isready" -q ;;
	esac >/dev/null 2>&1
}

# between LOW HIGH: a number of this seed's.
between() {
	echo $(($1 + RANDOM % ($2 - $1 + 1)))
}

# ---- nginx ----

# hit PATH REQUESTS [OPTION…]
hit() {
	local path=$1 n=$2
	shift 2
	client ab -q -r -s 60 -c "$(between 1 24)" -n "$((n + 24))" "$@" "http://127.0.0.1:8080$path"
}

# raw TEXT: bytes that no well-meaning client sends, and the answer, if any.
raw() {
	# shellcheck disable=SC2016
	run nsenter -t "$service_pid" -n timeout 1 bash -c \
		'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "$0" >&3 && cat <&3' "$1" || true
}

signal_master() {
	kill -"$1" "$service_pid"
}

nginx_requests() {
	local n=$1 keep=()
	[ $((RANDOM % 3)) = 0 ] || keep=(-k)
	case $((RANDOM % 13)) in
	0 | 1 | 2) hit "/docs/page$(between 1 40).html" $((n * 4)) "${keep[@]}" ;;
	3) hit "/files/$((4 ** (RANDOM % 4))).bin" $((n * 2)) "${keep[@]}" ;;
	4) hit /files/3000.bin $((n / 20)) -H 'Range: bytes=1000-900000' ;;
	5) hit / $((n * 2)) "${keep[@]}" ;;
	6) hit /files/ "$n" ;;
	7) hit "/none/$RANDOM" "$n" "${keep[@]}" ;;
	8) hit "/private/page$(between 1 40).html" "$n" -A user:secret ;;
	9) hit /moved/ "$n" ;;
	10) hit "/app/docs/page$(between 1 40).html" "$n" ;;
	11) hit "/cached/docs/page$(between 1 40).html" "$n" "${keep[@]}" ;;
	12) hit /app/post $((n / 4)) -p "/srv/www/files/$((1 + RANDOM % 2 * 599)).bin" ;;
	esac
}

nginx_rare() {
	raw 'GET /docs/page1.html HTTP/1.0\r\nIf-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n\r\n'
	raw 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n'
	raw 'GET /private/ HTTP/1.0\r\n\r\n'
	raw '\x16\x03\x01 no TLS here\r\n\r\n'
	raw 'POST /app/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort'
	raw "GET /docs/page2.html HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"
	hit /files/3000.bin 2
	hit /app/post 8 -p /srv/www/files/600.bin
	hit /app/post 8 -p /srv/www/files/3000.bin
	hit /cached/files/64.bin 60
}

nginx_admin() {
	mv "$volume/access.log" "$volume/access.log.1"
	signal_master USR1
	signal_master HUP
}

# ---- redis ----

redis_requests() {
	local n=$1 kinds=(set get incr lpush rpush lpop rpop sadd hset spop zadd lrange_100 mset)
	client redis-benchmark -q -n $((n * 20)) -c "$(between 1 60)" -P $((1 + RANDOM % 4 * 5)) \
		-d "$(between 1 2000)" -r "$(between 10 20000)" -t "${kinds[RANDOM % 13]},${kinds[RANDOM % 13]}"
}

cli() {
	client redis-cli "$@"
}

redis_rare() {
	local words
	while read -r -a words; do
		cli "${words[@]}"
	done <<-'COMMANDS'
	info
	client list
	config get maxmemory
	config set hz 15
	slowlog get
	memory doctor
	memory usage key:1
	scan 0 count 100
	publish news hello
	set once v ex 1
	object encoding once
	debug sleep 0
	latency latest
	hset h a 1 b 2
	zadd z 1 a 2 b
	xadd stream * a 1
	xread count 1 streams stream 0
	setbit bits 70000 1
	pfadd hll a b c
	geoadd places 13.3 38.1 a
	sort l alpha limit 0 5
	wrongcommand
	get h
	flushdb async
	COMMANDS
	cli eval 'for i = 1, 500 do redis.call("set", "lua" .. i, i) end return 1' 0
	cli -r 3 -i 0.1 lastsave
}

saved() {
	cli info persistence | tr -d '\r' | grep -qx rdb_bgsave_in_progress:0 &&
		cli info persistence | tr -d '\r' | grep -qx aof_rewrite_in_progress:0
}

redis_admin() {
	cli bgsave
	until_true "$patience" saved
	cli bgrewriteaof
	until_true "$patience" saved
	cli save
	cli config set appendonly no
	cli config set appendonly yes
	until_true "$patience" saved
	cli client kill type normal
}

# ---- postgres ----

sql() {
	client "$pgbin/psql" -q -X -d postgres -c "$1"
}

bench() {
	client "$pgbin/pgbench" -n -c "$(between 1 8)" "$@" postgres
}

postgres_requests() {
	local n=$1
	case $((RANDOM % 6)) in
	0 | 1) bench -S -t $((n * 4)) -M prepared ;;
	2) bench -t "$n" ;;
	3) bench -N -t "$n" -M extended ;;
	4) bench -S -C -t $((n / 10)) ;;
	5) sql "select bid, count(*), avg(abalance) from pgbench_accounts group by bid;
		select * from pgbench_accounts order by filler, abalance desc limit $(between 1 50)" ;;
	esac
}

postgres_rare() {
	sql "create table if not exists notes (id serial primary key, t text, at timestamptz default now());
		insert into notes (t) select repeat(md5(i::text), 200) from generate_series(1, $(between 200 2000)) i;
		create index on notes (t); update notes set t = t || 'x' where id % 3 = 0; delete from notes where id % 5 = 0"
	sql "select * from pgbench_accounts a join pgbench_accounts b using (aid) order by a.filler, b.bid limit 10"
	sql "copy (select * from pgbench_accounts) to stdout"
	sql "begin; declare c cursor for select * from notes; fetch 5 from c; savepoint a; rollback to a; commit"
	sql "select * from nowhere" || true
	sql "select pg_sleep(0.1), pg_size_pretty(pg_database_size('postgres')), version()"
	sql "select * from pg_stat_activity; select * from pg_stat_bgwriter; show all"
	sql "listen news; notify news, 'x'; create temp table s as select generate_series(1, 5000); select count(*) from s"
	sql "set statement_timeout = 20; select pg_sleep(5)" || true
	sql "drop table notes"
	client env PGPASSWORD=wrong "$pgbin/psql" -d postgres -c 'select 1' || true
}

postgres_admin() {
	sql checkpoint
	sql 'vacuum analyze'
	sql 'vacuum full pgbench_branches'
	sql 'reindex table pgbench_tellers'
	sql 'select pg_reload_conf(), pg_switch_wal(), pg_log_backend_memory_contexts(pg_backend_pid())'
	sql "create database other"
	sql "drop database other"
	client "$pgbin/pg_dump" -d postgres -t pgbench_branches
	client "$pgbin/vacuumdb" -q -d postgres -z
}

# ---- all of them ----

# work SEED ROUNDS SIZE: every kind of request, in another order, number and mix for each seed.
work() {
	local seed=$1 rounds=$2 size=$3 i
	RANDOM=$seed
	[ "$service" != postgres ] || client "$pgbin/pgbench" -q -i -s "$(between 1 3)" postgres
	for ((i = 0; i < rounds; i++)); do
		"${service}_requests" $((size + RANDOM % size))
		[ $((i % 6)) != 2 ] || "${service}_rare"
		[ $((i % 6)) != 4 ] || "${service}_admin"
		[ "$pause" = 0 ] || sleep "$(between 0 "$pause")"
	done
}

# lifetime N SEED ROUNDS SIZE: a container from its start to its stop, each second one on the data
# that the one before it left.
lifetime() {
	[ $(($1 % 2)) = 0 ] || volume_new
	container_start
	work "$2" "$3" "$4" >"$stage/work.log" 2>&1
	service_stop
}

seed_of() {
	echo $((($1 + 1) * 37 % 30011))
}

# record_runs RUNS ROUNDS SIZE: each a trace, $stage/$service.N.ltr.
record_runs() {
	local i
	for ((i = 1; i <= $1; i++)); do
		record_start "$stage/$service.$i.ltr"
		lifetime "$i" "$(seed_of "$i")" "$2" "$3"
		record_stop
		say "$service, run $i: $(tail -n 1 "$stage/record.log" | sed 's,^lutra: .*/,,')"
	done
}

# policy_row DIR NAME ORIGIN: what policies/README.md says of a policy, as its table has it.
policy_row() {
	jq -r --arg name "$2" --arg origin "$3" '
		def hundredths: . * 100 | round / 100;
		def an_hour($alarms): "\($alarms), \(.[0] | hundredths)–\(.[1] | hundredths)";
		.provenance as $p | .calibration as $c |
		"| \($name) | \($origin) | \($p.runs | length) | \($p.calls) | \($p.objects) | " +
		"\($p.hours | hundredths) | \($c.alert_per_hour_95 | an_hour($c.alarms_alert)) | " +
		"\($c.deny_per_hour_95 | an_hour($c.alarms_deny)) |"' "$1/$2/policy.json"
}
