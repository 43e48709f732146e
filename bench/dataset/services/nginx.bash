# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# nginx as a web server and reverse proxy: pages, files, a password, a cache, uploads to a peer.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=development containers=(nginx) port=80 data_directory=/srv/www
configuration_file=/etc/nginx/nginx.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/)
image_packages=(nginx-light curl coreutils findutils gzip dash base-files libc-bin logrotate tzdata hostname)
rare_own=(new_site new_page certificate)

image_prepare() {
	local tree=$1 i
	mkdir -p "$tree"/srv/www/{docs,files,uploads} "$tree"/var/{log,lib,cache}/nginx "$tree/etc/nginx/tls"
	for i in $(seq 40); do
		printf '<html><body><h1>Page %d</h1>%s</body></html>\n' "$i" "$(seq $((i * i)))" >"$tree/srv/www/docs/page$i.html"
	done
	for i in 1 4 64 600 3000; do
		head -c "${i}K" /dev/urandom >"$tree/srv/www/files/$i.bin"
	done
	echo '<html><!--# include file="docs/page1.html" --></html>' >"$tree/srv/www/index.html"
	printf 'user:{PLAIN}secret\n' >"$tree/etc/nginx/users"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/nginx/tls/key.pem" -out "$tree/etc/nginx/tls/cert.pem" 2>/dev/null
	cat >"$tree/etc/nginx/nginx.conf" <<-'CONF'
	user www-data;
	worker_processes 2;
	pid /run/nginx.pid;
	error_log /var/log/nginx/error.log;
	events { worker_connections 256; }
	http {
	  include mime.types;
	  sendfile on;
	  gzip on;
	  access_log /var/log/nginx/access.log;
	  proxy_cache_path /var/cache/nginx/proxy keys_zone=cache:1m;
	  include /etc/nginx/sites.d/*.conf;
	  server {
	    listen 80;
	    listen 443 ssl;
	    ssl_certificate tls/cert.pem;
	    ssl_certificate_key tls/key.pem;
	    root /srv/www;
	    location / { ssi on; }
	    location /files/ { autoindex on; }
	    location /private/ { auth_basic "private"; auth_basic_user_file users; alias /srv/www/docs/; }
	    location /moved/ { return 301 /docs/page1.html; }
	    location /app/ { proxy_pass http://peer.example:8000/; }
	    location /cached/ { proxy_pass http://peer.example:8000/; proxy_cache cache; proxy_cache_valid 10s; }
	  }
	}
	CONF
	mkdir -p "$tree/etc/nginx/sites.d"
}

# container_fields CONTAINER: what differs from container_defaults().
container_fields() {
	arguments=(/usr/sbin/nginx -g 'daemon off;')
	volumes=(/var/log/nginx)
}

# Programs that the containers talk to.
peers() {
	peer_start upstream python3 -m http.server --bind "$peer_address" --directory /usr/share 8000
}

ready() {
	fetch / -o /dev/null
}

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 12)) in
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
	esac
	[ $((RANDOM % 8)) != 0 ] || client curl -sSk -o /dev/null "https://$own_address/docs/page$n.html"
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

rare_new_site() {
	printf 'server { listen 81; root /srv/www/docs; }\n' >"$(image_path nginx /etc/nginx/sites.d/new.conf)"
	reload_service
	sleep 2
	client curl -sS -o /dev/null "http://$own_address:81/page1.html"
}

rare_new_page() {
	echo '<html>new</html>' >"$(image_path nginx /srv/www/docs/news.html)"
	fetch /docs/news.html -o /dev/null
}

rare_certificate() {
	local tls
	tls=$(image_path nginx /etc/nginx/tls)
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=service.example -keyout "$tls/key.pem.new" \
		-out "$tls/cert.pem.new" 2>/dev/null
	mv "$tls/key.pem.new" "$tls/key.pem"
	mv "$tls/cert.pem.new" "$tls/cert.pem"
	reload_service
}

# Code inside a worker, as after an overflow: a shell that reads a secret.
attack_code_shell() {
	harm exec '/usr/bin/dash'
	inject nginx 'nginx: worker' 'call (int) system("cat /etc/shadow >/tmp/out; id >>/tmp/out")'
	grep -q uid= "$(image_path nginx /tmp/out)"
}

# Code inside the master, which is root: reads what only root may.
attack_code_shadow() {
	harm read '/etc/shadow'
	inject nginx 'nginx: master' 'print (int) open("/etc/shadow", 0)' | tee "$stage/answer" | grep -qE '= [0-9]+'
}

