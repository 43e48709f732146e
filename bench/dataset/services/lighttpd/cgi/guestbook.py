#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The guest book: GET shows its last entries, POST adds one."""
import cgi
import fcntl
import html
import os
import time

BOOK = os.environ["SITE_DATA"] + "/guestbook.txt"


def main():
    form = cgi.FieldStorage()
    if os.environ["REQUEST_METHOD"] == "POST":
        entry = "\t".join(form.getfirst(k, "").replace("\n", " ").replace("\t", " ")[:200] for k in ("name", "text"))
        with open(BOOK, "a", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.write(f"{time.strftime('%F %T')}\t{entry}\n")
    with open(BOOK, encoding="utf-8") as f:
        entries = f.readlines()[-20:]
    print("Content-Type: text/html\r\n\r\n<ul>")
    for e in entries:
        print("<li>" + html.escape(e))
    print("</ul>")


main()
