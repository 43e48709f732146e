#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes a file into the list of files. MISTAKE: any file, a program too, where the server runs programs."""
import cgi
import os
import shutil


def main():
    item = cgi.FieldStorage()["file"]
    name = os.path.basename(item.filename)
    with open(f"/srv/www/site/files/{name}.part", "wb") as f:
        shutil.copyfileobj(item.file, f)
    os.rename(f"/srv/www/site/files/{name}.part", f"/srv/www/site/files/{name}")
    print(f"Status: 303 See other\r\nLocation: /files/{name}\r\nContent-Type: text/plain\r\n\r\nstored")


main()
