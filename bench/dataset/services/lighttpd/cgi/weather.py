#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows what a partner's server says: weather.py?town=NAME. An answer is kept for a few seconds."""
import cgi
import json
import os
import time
import urllib.parse
import urllib.request


def main():
    town = cgi.FieldStorage().getfirst("town", "Oslo")
    kept = f"{os.environ['SITE_DATA']}/weather-{urllib.parse.quote(town, safe='')[:40]}.json"
    if not os.path.exists(kept) or os.path.getmtime(kept) < time.time() - 5:
        url = "http://peer.example:8000/weather?" + urllib.parse.urlencode({"town": town})
        with urllib.request.urlopen(url, timeout=5) as answer, open(kept + ".new", "wb") as f:
            f.write(answer.read())
        os.rename(kept + ".new", kept)
    with open(kept, encoding="utf-8") as f:
        weather = json.load(f)
    print("Content-Type: text/html\r\n\r\n" + "<br>".join(f"{k}: {v}" for k, v in weather.items()))


main()
