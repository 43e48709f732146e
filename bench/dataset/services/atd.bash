# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# atd as the job runner of a small office: reports, archives, invoices, mail. Nothing is asked over the
# network: what the office wants comes as a file into a volume, from where a loop (atd/jobs/queue) hands it in
# by at and batch, as a user without rights.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(atd) port=80 data_directory=/srv/data
configuration_file=/etc/default/house
health=(/usr/bin/pgrep -x atd)
image_packages=(at tar gzip xz-utils curl python3 sqlite3 coreutils findutils grep sed mawk dash bash procps
	util-linux bsdutils debianutils libpam-modules libpam-runtime base-files libc-bin netbase hostname tzdata)
rare_own=(job_fails job_killed job_long user_denied service_gone queue_killed many_jobs mailbox_gone
	database_locked spool_broken odd_files jobs_removed own_job)
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

# A program that is not there, and a script that is none: their words go by mail.
rare_job_fails() {
	echo '/usr/local/lib/jobs/none; exit 3' | put_file none.sh
	head -c 400 /dev/urandom | tr '\0' x | put_file noise.sh
	wish report 'no customer' pdf mail
	wish invoice nobody x now
	sleep 6
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
	sleep 15
}
