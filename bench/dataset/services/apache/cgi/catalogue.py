#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The library's books: catalogue.py?word=WORD finds some; POST of "book" and "reader" lends one, or takes it back."""
import cgi
import html
import os
import sqlite3


def main():
    form = cgi.FieldStorage()
    db = sqlite3.connect(os.environ["LIBRARY_DATA"] + "/books.db", timeout=5)
    print("Content-Type: text/html\r\n\r\n<h1>Books</h1>")
    if os.environ["REQUEST_METHOD"] == "POST":
        book, reader = form.getfirst("book", "0"), form.getfirst("reader", "")
        if db.execute("DELETE FROM loans WHERE book = ?", (book,)).rowcount == 0:
            db.execute("INSERT INTO loans VALUES (?, ?, date('now'))", (book, reader))
        db.commit()
    rows = db.execute("SELECT b.id, title, reader FROM books b LEFT JOIN loans ON book = b.id "
                      "WHERE title LIKE ? ORDER BY title LIMIT 40", (f"%{form.getfirst('word', '')}%",))
    for number, title, reader in rows:
        print(f"<p>{number}: {html.escape(title)} {html.escape(reader or '')}</p>")
    db.close()


main()
