# SPDX-License-Identifier: Apache-2.0
"""Notes: the web application that the demo records, guards and attacks.

It is as plain as such things are: threads, SQLite, templates, uploads, static files. Three holes
are left in it on purpose, each of a kind that real ones have: /lookup puts its argument into a
shell's command line, /static/ does not look for "..", and /calc evaluates what it is given.
"""
import ctypes
import hashlib
import hmac
import html
import http.client
import os
import signal
import sqlite3
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from string import Template
from urllib.parse import parse_qs, unquote, urlsplit

APP = os.path.dirname(os.path.abspath(__file__))
DATA = "/var/lib/notes"
PORT = 8080
PATIENCE_S = 300  # an emulated machine beside other work may stand still for a minute
PR_SET_NAME = 15
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}

with open("/run/secrets/session_key", "rb") as f:
    KEY = f.read()
DB_LOCK = threading.Lock()


def database():
    db = sqlite3.connect(f"{DATA}/notes.db", timeout=PATIENCE_S)
    db.row_factory = sqlite3.Row
    return db


def log(line):
    with open(f"{DATA}/access.log", "a", encoding="utf-8") as f:
        f.write(f"{time.time():.3f} {line}\n")


class Handler(BaseHTTPRequestHandler):
    server_version = "notes/1"

    def reply(self, code, body, kind="text/html; charset=utf-8"):
        if isinstance(body, str):
            body = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def page(self, title, content):
        with open(f"{APP}/templates/page.html", encoding="utf-8") as f:
            page = Template(f.read())
        self.reply(200, page.substitute(title=html.escape(title), content=content))

    def arg(self, name, default=""):
        return self.query.get(name, [default])[0]

    def do_GET(self):
        self.route("GET")

    def do_POST(self):
        size = min(int(self.headers.get("Content-Length", 0)), 1 << 20)
        self.body = self.rfile.read(size)
        self.route("POST")

    def route(self, method):
        url = urlsplit(self.path)
        self.query = parse_qs(url.query, keep_blank_values=True)
        name, _, self.rest = url.path.lstrip("/").partition("/")
        action = getattr(self, f"{method.lower()}_{name or 'index'}", None)
        if action is None:
            self.reply(404, "no such page")
            return
        try:
            action()
        except Exception as e:  # what went wrong is the answer, as in a debug installation
            self.reply(500, f"{type(e).__name__}: {e}")

    def log_message(self, fmt, *args):
        log(f"{self.client_address[0]} {fmt % args}")

    def get_index(self):
        with DB_LOCK, database() as db:
            rows = db.execute("SELECT id, text FROM notes ORDER BY id DESC LIMIT 20").fetchall()
        db.close()
        items = "".join(f'<li><a href="/note/{r["id"]}">{html.escape(r["text"])}</a></li>' for r in rows)
        self.page("Notes", f"<ul>{items}</ul>")

    def post_notes(self):
        text = parse_qs(self.body.decode()).get("text", [""])[0][:500]
        with DB_LOCK, database() as db:
            note = db.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid
        db.close()
        self.reply(201, f"note {note}")

    def get_note(self):
        with DB_LOCK, database() as db:
            row = db.execute("SELECT text FROM notes WHERE id = ?", (int(self.rest),)).fetchone()
        db.close()
        if row is None:
            self.reply(404, "no such note")
            return
        self.page(f"Note {self.rest}", html.escape(row["text"]))

    def get_search(self):
        with DB_LOCK, database() as db:
            rows = db.execute(
                "SELECT id FROM notes WHERE text LIKE ? LIMIT 50", (f"%{self.arg('q')}%",)
            ).fetchall()
        db.close()
        self.page("Search", f"{len(rows)} found")

    def get_login(self):
        user = self.arg("user", "guest")
        mac = hmac.new(KEY, user.encode(), hashlib.sha256).hexdigest()
        self.reply(200, f"session={user}:{mac}", "text/plain")

    def post_upload(self):
        name = "".join(c for c in self.arg("name", "file") if c.isalnum())[:40]
        path = f"{DATA}/files/{name}.txt"
        with open(f"{path}.part", "wb") as f:
            f.write(self.body)
        os.replace(f"{path}.part", path)
        self.reply(201, f"{len(self.body)} bytes")

    def get_files(self):
        if not self.rest:
            self.reply(200, "\n".join(sorted(os.listdir(f"{DATA}/files"))[:100]), "text/plain")
            return
        name = "".join(c for c in self.rest if c.isalnum())
        with open(f"{DATA}/files/{name}.txt", "rb") as f:
            self.reply(200, f.read(), "text/plain")

    def get_static(self):
        # Hole: a path that climbs out of the directory is followed.
        path = f"{APP}/static/{unquote(self.rest)}"
        if not os.path.isfile(path):
            self.reply(404, "no such file")
            return
        with open(path, "rb") as f:
            self.reply(200, f.read(), TYPES.get(os.path.splitext(path)[1], "text/plain"))

    def get_lookup(self):
        # Hole: the argument reaches a shell as it came.
        done = subprocess.run(
            f"getent hosts {self.arg('host')}", shell=True, capture_output=True, timeout=PATIENCE_S
        )
        self.reply(200 if done.returncode == 0 else 404, done.stdout + done.stderr, "text/plain")

    def get_calc(self):
        # Hole: any expression of the language is evaluated.
        self.reply(200, str(eval(self.arg("expr", "0"), {"libc": LIBC, "errno": ctypes.get_errno})))

    def get_status(self):
        peer = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE_S)
        peer.request("GET", "/healthz")
        answer = peer.getresponse()
        self.reply(200, f"healthz: {answer.status}, {answer.read().decode()}", "text/plain")
        peer.close()

    def get_healthz(self):
        self.reply(200, "ok", "text/plain")


def stop(_signum, _frame):
    raise SystemExit(0)


LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.prctl(PR_SET_NAME, b"notes", 0, 0, 0)
signal.signal(signal.SIGTERM, stop)
os.makedirs(f"{DATA}/files", exist_ok=True)
with database() as start:
    start.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
start.close()
ThreadingHTTPServer.request_queue_size = 64
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
