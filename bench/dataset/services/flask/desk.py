# SPDX-License-Identifier: Apache-2.0
"""Desk: documents, pictures and letters of a small office.

It holds the mistakes that the attacks of the data set misuse. Each has the word MISTAKE beside it.
Never serve it to anybody.
"""
import csv
import gzip
import io
import json
import os
import pickle
import shlex
import sqlite3
import subprocess
import time
import urllib.request

from flask import (Flask, abort, g, redirect, render_template, render_template_string, request, send_file,
                   session)
from werkzeug.security import check_password_hash, generate_password_hash

DATA = os.environ.get("DESK_DATA", "/srv/data")
DATABASE = f"{DATA}/desk.db"
UPSTREAM = os.environ.get("DESK_UPSTREAM", "http://peer.example:8000")

app = Flask(__name__)
app.config.update(SECRET_KEY=os.environ["DESK_SECRET"], MAX_CONTENT_LENGTH=8 << 20)
with open(os.environ.get("DESK_TOKEN", "/etc/desk/token"), encoding="utf-8") as token_file:
    TOKEN = token_file.read().strip()


# ---- the database ----

def database():
    """Returns this request's connection to the database."""
    if "db" not in g:
        g.db = sqlite3.connect(DATABASE, timeout=5)
        g.db.row_factory = sqlite3.Row
    return g.db


@app.teardown_appcontext
def close_database(_error):
    """Closes the connection of the request that ends."""
    db = g.pop("db", None)
    if db is not None:
        db.close()


def create_database():
    """Makes the tables, the users and some documents, if there are none."""
    if os.path.exists(DATABASE):
        return
    for name in ("pictures", "thumbnails", "reports", "exports"):
        os.makedirs(f"{DATA}/{name}", exist_ok=True)
    db = sqlite3.connect(DATABASE)
    db.executescript("""
        CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT, is_admin INTEGER);
        CREATE TABLE documents (id INTEGER PRIMARY KEY, owner TEXT, title TEXT, body TEXT, changed REAL);
        CREATE INDEX documents_changed ON documents (changed);
        """)
    for name, password in (("ann", "apple"), ("bob", "banana"), ("eve", "elder"), ("admin", "sunshine")):
        db.execute("INSERT INTO users VALUES (?, ?, ?)",
                   (name, generate_password_hash(password, "pbkdf2:sha256:5000"), name == "admin"))
    for i in range(30):
        db.execute("INSERT INTO documents (owner, title, body, changed) VALUES (?, ?, ?, ?)",
                   (("ann", "bob", "eve")[i % 3], f"Document {i}", f"# Title {i}\n\n" + "- a *line*\n" * i, i))
    db.commit()
    db.close()


# ---- who asks ----

@app.before_request
def require_user():
    """Lets only those in who are signed in, but for the pages that need nobody."""
    if request.endpoint not in ("static", "login", "healthz", "page") and "user" not in session:
        return redirect("/login")
    return None


@app.get("/healthz")
def healthz():
    """Says that the application and its database work."""
    database().execute("SELECT 1").fetchone()
    return "ok\n"


@app.route("/login", methods=["GET", "POST"])
def login():
    """Signs a user in. MISTAKE: as often as anybody tries."""
    if request.method == "GET":
        return render_template("login.html")
    row = database().execute("SELECT * FROM users WHERE name = ?", (request.form["name"],)).fetchone()
    if row is None or not check_password_hash(row["password"], request.form["password"]):
        return render_template("login.html", wrong=True), 403
    session["user"] = row["name"]
    session["is_admin"] = bool(row["is_admin"])
    return redirect("/")


@app.get("/logout")
def logout():
    """Signs the user out."""
    session.clear()
    return redirect("/login")


# ---- documents ----

@app.get("/")
def index():
    """Lists the newest documents."""
    rows = database().execute("SELECT * FROM documents ORDER BY changed DESC LIMIT 20").fetchall()
    return render_template("index.html", documents=rows)


@app.get("/search")
def search():
    """Lists documents by words of their titles. MISTAKE: the words become part of the statement."""
    rows = database().execute("SELECT id, owner, title FROM documents WHERE title LIKE '%"
                              + request.args.get("q", "") + "%' LIMIT 50").fetchall()
    return render_template("index.html", documents=rows)


@app.post("/documents")
def document_create():
    """Adds a document, and tells the upstream of it."""
    db = database()
    cursor = db.execute("INSERT INTO documents (owner, title, body, changed) VALUES (?, ?, ?, ?)",
                        (session["user"], request.form["title"], request.form["body"], time.time()))
    db.commit()
    upstream("/hook", json.dumps({"document": cursor.lastrowid}).encode())
    return redirect(f"/documents/{cursor.lastrowid}")


def document_row(number):
    """Returns a document, or ends the request with 404."""
    row = database().execute("SELECT * FROM documents WHERE id = ?", (number,)).fetchone()
    if row is None:
        abort(404)
    return row


@app.route("/documents/<int:number>", methods=["GET", "POST"])
def document(number):
    """Shows or changes a document."""
    row = document_row(number)
    if request.method == "POST":
        database().execute("UPDATE documents SET body = ?, changed = ? WHERE id = ?",
                           (request.form["body"], time.time(), number))
        database().commit()
        return redirect(f"/documents/{number}")
    return render_template("document.html", document=row)


@app.post("/documents/<int:number>/delete")
def document_delete(number):
    """Deletes a document and its report."""
    database().execute("DELETE FROM documents WHERE id = ?", (number,))
    database().commit()
    report = f"{DATA}/reports/{number}.html"
    if os.path.exists(report):
        os.unlink(report)
    return redirect("/")


@app.get("/documents/<int:number>/report")
def document_report(number):
    """Converts a document to HTML by a program, once for each change of it."""
    row = document_row(number)
    report = f"{DATA}/reports/{number}.html"
    if not os.path.exists(report) or os.path.getmtime(report) < row["changed"]:
        done = subprocess.run(["markdown"], input=row["body"].encode(), stdout=subprocess.PIPE, check=True)
        with open(report + ".new", "wb") as f:
            f.write(done.stdout)
        os.rename(report + ".new", report)
    return send_file(report)


# ---- pictures ----

@app.route("/pictures", methods=["GET", "POST"])
def pictures():
    """Lists or takes pictures. MISTAKE: the client's name of a file may lead elsewhere."""
    if request.method == "POST":
        f = request.files["file"]
        f.save(os.path.join(f"{DATA}/pictures", f.filename))
        return redirect("/pictures")
    names = sorted(e.name for e in os.scandir(f"{DATA}/pictures"))
    return render_template("pictures.html", names=names)


@app.get("/download")
def download():
    """Sends a picture. MISTAKE: the name may lead elsewhere."""
    path = os.path.join(f"{DATA}/pictures", request.args["name"])
    if not os.path.isfile(path):
        abort(404)
    return send_file(path)


@app.get("/thumbnail")
def thumbnail():
    """Scales a picture by a pipeline of programs. MISTAKE: the size becomes part of a shell command."""
    name, size = os.path.basename(request.args["name"]), request.args.get("size", "64")
    small = f"{DATA}/thumbnails/{name}"
    done = subprocess.run(f"pngtopnm {shlex.quote(f'{DATA}/pictures/{name}')} | pamscale -xyfit {size} {size} |"
                          f" pnmtopng >{shlex.quote(small)}", shell=True, stderr=subprocess.PIPE)
    if done.returncode:
        return f"not a picture: {done.stderr.decode(errors='replace')}", 400
    return send_file(small)


# ---- letters, rates, copies ----

@app.post("/letters")
def letters():
    """Writes the user's letter to each name. MISTAKE: the letter itself is a template."""
    names = request.form.get("names", "nobody").split(",")
    return "\n".join(render_template_string(request.form["letter"], name=n, sender=session["user"]) for n in names)


def upstream(path, body=None):
    """Asks the upstream, and returns its answer, or None if it gives none."""
    asked = urllib.request.Request(UPSTREAM + path, body, {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return json.load(answer)
    except OSError as e:
        app.logger.warning("upstream: %s: %s", path, e)
        return None


@app.get("/rates")
def rates():
    """Shows the upstream's rates."""
    return render_template("rates.html", rates=upstream(f"/rates/{request.args.get('base', 'EUR')}"))


@app.get("/export")
def export_documents():
    """Sends the user's documents as a file that import_documents() takes."""
    rows = database().execute("SELECT title, body FROM documents WHERE owner = ?", (session["user"],)).fetchall()
    return send_file(io.BytesIO(pickle.dumps([tuple(r) for r in rows])), download_name="documents.desk")


@app.post("/import")
def import_documents():
    """Adds the documents of such a file. MISTAKE: a pickle may call anything."""
    rows = pickle.load(request.files["file"])
    db = database()
    for title, body in rows[:5]:
        db.execute("INSERT INTO documents (owner, title, body, changed) VALUES (?, ?, ?, ?)",
                   (session["user"], title, body, time.time()))
    db.commit()
    return redirect("/")


@app.get("/admin/list")
def admin_list():
    """Writes a list of all documents for the administrators, and sends it."""
    if not session.get("is_admin"):
        abort(403)
    path = f"{DATA}/exports/{time.strftime('%Y%m%d-%H%M%S')}.csv.gz"
    with gzip.open(path, "wt", newline="") as f:
        csv.writer(f).writerows(map(tuple, database().execute("SELECT id, owner, title, changed FROM documents")))
    for old in sorted(os.listdir(f"{DATA}/exports"))[:-3]:
        os.unlink(f"{DATA}/exports/{old}")
    return send_file(path)


@app.get("/page/<name>")
def page(name):
    """Shows a page of the help."""
    return render_template(f"pages/{name}.html")
