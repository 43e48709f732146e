# SPDX-License-Identifier: Apache-2.0
"""The upstream of Desk: rates, and a hook that takes notices. usage: upstream.py ADDRESS PORT"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers with numbers that depend on the path alone."""

    def send_json(self, what):
        """Sends an answer."""
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """Rates."""
        self.send_json({c: 1 + sum((self.path + c).encode()) % 100 / 50 for c in ("EUR", "USD", "JPY", "CHF")})

    def do_POST(self):
        """A notice, which is written to stdout."""
        print(self.path, self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_json({"taken": True})


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
