#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows the club's dates, which a member may change: dates.py?month=N, or POST of "member" and "date".

MISTAKE: what a member's cookie holds is unpickled.
"""
import base64
import calendar
import cgi
import html
import http.cookies
import os
import pickle
import sqlite3
import time


def main():
    form = cgi.FieldStorage()
    cookie = http.cookies.SimpleCookie(os.environ.get("HTTP_COOKIE", ""))
    wishes = {"first": 0}
    if "wishes" in cookie:
        wishes = pickle.loads(base64.urlsafe_b64decode(cookie["wishes"].value))
    db = sqlite3.connect(os.environ["SITE_DATA"] + "/dates.db", timeout=5)
    db.execute("CREATE TABLE IF NOT EXISTS dates (date TEXT, member TEXT)")
    if os.environ["REQUEST_METHOD"] == "POST":
        db.execute("INSERT INTO dates VALUES (?, ?)", (form.getfirst("date", ""), form.getfirst("member", "")))
        db.commit()
        wishes["first"] = int(form.getfirst("first", "0"))
    kept = base64.urlsafe_b64encode(pickle.dumps(wishes)).decode()
    print(f"Set-Cookie: wishes={kept}\r\nContent-Type: text/html\r\n\r\n")
    print(calendar.HTMLCalendar(wishes["first"]).formatmonth(time.localtime().tm_year,
                                                             int(form.getfirst("month", "1"))))
    for row in db.execute("SELECT * FROM dates ORDER BY date DESC LIMIT 20"):
        print(html.escape(" ".join(row)), "<br>")
    db.close()


main()
