#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a file to be saved: download.py?file=NAME. MISTAKE: the name may lead elsewhere."""
import cgi
import os
import shutil
import sys


def main():
    path = "/srv/www/site/files/" + cgi.FieldStorage().getfirst("file", "")
    try:
        with open(path, "rb") as f:
            sys.stdout.write("Content-Type: application/octet-stream\r\n"
                             f"Content-Disposition: attachment; filename={os.path.basename(path)}\r\n\r\n")
            sys.stdout.flush()
            shutil.copyfileobj(f, sys.stdout.buffer)
    except OSError as e:
        print(f"Status: 404 Not found\r\nContent-Type: text/plain\r\n\r\n{e}")


main()
