# SPDX-License-Identifier: Apache-2.0
"""The shop of the data set: products, baskets, orders, a login, pictures, a search, receipts, reports.

It is vulnerable on purpose: the search puts its words into SQL, a receipt is a template that holds
the customer's note, an upload keeps the path that it is sent with, and any customer sees any order.
"""
import hashlib
import json
import os
import secrets

import psycopg2
import redis
from flask import Flask, abort, render_template, render_template_string, request, send_file

import messages

DATA = "/var/lib/shop"
SESSION_SECONDS = 900
app = Flask(__name__, template_folder="pages")
cache = redis.Redis(host=os.environ["CACHE_HOST"], password=os.environ["CACHE_PASSWORD"], decode_responses=True)
database = None  # of this process, opened when it is first needed


def query(sql, *values):
    """Runs one statement and returns its rows. Opens the database again if the connection was lost."""
    global database
    for last in (False, True):
        try:
            if database is None or database.closed:
                database = psycopg2.connect(
                    host=os.environ["DATABASE_HOST"], user="shop", dbname="shop",
                    password=os.environ["DATABASE_PASSWORD"], connect_timeout=5)
                database.autocommit = True
            with database.cursor() as cursor:
                cursor.execute(sql, values or None)
                return cursor.fetchall() if cursor.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            database = None
            if last:
                raise


def user(role=None):
    """The user of the request's session. Answers 403 if there is none, or it lacks the role."""
    text = cache.get("session:" + request.cookies.get("session", ""))
    found = json.loads(text) if text else None
    if not found or (role and found["role"] != role):
        abort(403)
    return found


def basket_key():
    return "basket:" + request.cookies.get("session", "")


@app.get("/health")
def health():
    return "ok\n"


@app.get("/")
def products():
    category = request.args.get("category", "all")
    page = cache.get("products:" + category)
    if not page:
        rows = query("SELECT id, name, price, stock FROM products WHERE %s IN ('all', category) ORDER BY id", category)
        page = render_template("products.html", rows=rows, category=category)
        cache.set("products:" + category, page, ex=5)
    return page


@app.get("/product/<int:number>")
def product(number):
    rows = query("SELECT id, name, price, stock, picture FROM products WHERE id = %s", number)
    if not rows:
        abort(404)
    cache.zincrby("seen", 1, number)
    return render_template("product.html", row=rows[0])


@app.get("/search")
def search():
    words = request.args.get("q", "")
    rows = query("SELECT id, name, price, stock FROM products WHERE name ILIKE '%" + words + "%' ORDER BY 1")
    return render_template("products.html", rows=rows, category=words)


@app.get("/pictures/<path:name>")
def picture(name):
    path = os.path.join(DATA, "pictures", name)
    if not os.path.exists(path):
        abort(404)
    return send_file(path, mimetype="image/png")


@app.post("/login")
def login():
    name, password = request.form["name"], request.form["password"]
    rows = query("SELECT id, role, salt, password FROM users WHERE name = %s", name)
    if not rows or hashlib.sha256((rows[0][2] + password).encode()).hexdigest() != rows[0][3]:
        abort(401)
    token = secrets.token_hex(16)
    cache.set("session:" + token, json.dumps({"id": rows[0][0], "name": name, "role": rows[0][1]}), ex=SESSION_SECONDS)
    answer = app.make_response({"token": token})
    answer.set_cookie("session", token)
    return answer


@app.post("/basket")
def basket_add():
    user()
    cache.hincrby(basket_key(), int(request.form["product"]), int(request.form.get("count", 1)))
    cache.expire(basket_key(), SESSION_SECONDS)
    return {"basket": cache.hgetall(basket_key())}


@app.get("/basket")
def basket():
    user()
    return {"basket": cache.hgetall(basket_key())}


@app.post("/order")
def order():
    customer = user()
    items = cache.hgetall(basket_key())
    if not items:
        abort(409)
    reference = cache.incr("reference")
    messages.send("orders", {"reference": reference, "user": customer["id"], "items": items,
                             "note": request.form.get("note", "")})
    cache.delete(basket_key())
    return {"reference": reference}


@app.get("/order/<int:reference>")
def order_page(reference):
    user()
    rows = query("SELECT o.reference, u.name, u.address, o.total, o.note FROM orders o JOIN users u ON u.id = o.customer "
                 "WHERE o.reference = %s", reference)
    if not rows:
        abort(404)
    items = query("SELECT p.name, i.count, i.price FROM items i JOIN products p ON p.id = i.product "
                  "WHERE i.reference = %s", reference)
    return render_template("order.html", row=rows[0], items=items)


@app.get("/receipt/<int:reference>")
def receipt(reference):
    user()
    rows = query("SELECT o.reference, u.name, o.total, o.note FROM orders o JOIN users u ON u.id = o.customer "
                 "WHERE o.reference = %s", reference)
    if not rows:
        abort(404)
    with open(os.path.join(DATA, "receipts", "receipt.html")) as file:
        text = file.read()
    return render_template_string(text.replace("@NOTE@", rows[0][3]), row=rows[0])


@app.post("/upload")
def upload():
    user("seller")
    sent = request.files["picture"]
    name = request.form.get("name", sent.filename)
    with open(os.path.join(DATA, "pictures", name), "wb") as file:
        file.write(sent.read())
    query("UPDATE products SET picture = %s WHERE id = %s", name, int(request.form["product"]))
    return {"picture": name}


@app.post("/restock")
def restock():
    user("seller")
    query("UPDATE products SET stock = stock + %s WHERE id = %s", int(request.form["count"]), int(request.form["product"]))
    cache.delete("products:all")
    return {"stock": query("SELECT stock FROM products WHERE id = %s", int(request.form["product"]))[0][0]}


@app.post("/price")
def price():
    user("seller")
    query("UPDATE products SET price = %s WHERE id = %s", request.form["price"], int(request.form["product"]))
    cache.delete("products:all")
    return {"price": request.form["price"]}


@app.post("/report")
def report_order():
    seller = user("seller")
    reference = cache.incr("report")
    messages.send("reports", {"reference": reference, "user": seller["id"], "product": request.form["product"]})
    return {"report": reference}


@app.get("/report/<int:reference>")
def report(reference):
    user("seller")
    path = os.path.join(DATA, "reports", "%d.csv" % reference)
    if not os.path.exists(path):
        abort(404)
    return send_file(path, mimetype="text/csv")
