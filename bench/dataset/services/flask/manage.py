# SPDX-License-Identifier: Apache-2.0
"""What an administrator of Desk runs: manage.py tidy | backup FILE | password USER PASSWORD."""
import os
import sqlite3
import sys
import time

from werkzeug.security import generate_password_hash

DATA = os.environ.get("DESK_DATA", "/srv/data")


def tidy(db):
    """Removes thumbnails that nobody asked for in a minute, and gives space back."""
    for e in os.scandir(f"{DATA}/thumbnails"):
        if e.stat().st_mtime < time.time() - 60:
            os.unlink(e.path)
    db.execute("VACUUM")


def main():
    db = sqlite3.connect(f"{DATA}/desk.db", timeout=10)
    if sys.argv[1:] == ["tidy"]:
        tidy(db)
    elif len(sys.argv) == 3 and sys.argv[1] == "backup":
        with sqlite3.connect(sys.argv[2]) as copy:
            db.backup(copy)
    elif len(sys.argv) == 4 and sys.argv[1] == "password":
        db.execute("UPDATE users SET password = ? WHERE name = ?",
                   (generate_password_hash(sys.argv[3], "pbkdf2:sha256:5000"), sys.argv[2]))
        db.commit()
    else:
        sys.exit(__doc__)
    db.close()


if __name__ == "__main__":
    main()
