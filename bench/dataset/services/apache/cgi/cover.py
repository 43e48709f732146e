#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Saves the picture of a book's cover, POST of "picture". MISTAKE: the file keeps its name, whatever that is."""
import cgi
import os


def main():
    picture = cgi.FieldStorage()["picture"]
    path = "/srv/www/covers/" + os.path.basename(picture.filename)
    with open(path + ".part", "wb") as f:
        f.write(picture.file.read())
    os.chmod(path + ".part", 0o755)
    os.rename(path + ".part", path)
    print(f"Content-Type: text/plain\r\n\r\nsaved {os.path.getsize(path)} bytes")


main()
