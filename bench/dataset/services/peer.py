# SPDX-License-Identifier: Apache-2.0
#
# What the applications of the data set talk to, on the peers' address: an HTTP service on 8000 that takes
# anything, a mail host on 2525, and on METADATA:80 what a cloud's metadata service would answer.
#
# usage: peer.py ADDRESS METADATA
import http.server
import json
import socketserver
import sys
import threading

credentials = {"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "metadata-secret-key",
               "Token": "metadata-token", "Expiration": "2030-01-01T00:00:00Z"}


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"path": self.path, "items": [f"item {i}" for i in range(len(self.path) * 7 % 60)]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        print(f"took {len(body)} bytes at {self.path}: {body[:200]!r}", flush=True)
        self.answer(201, {"length": len(body)})

    do_PUT = do_POST


class Metadata(Service):
    def do_GET(self):
        self.answer(200, credentials if "security-credentials" in self.path else ["iam", "hostname"])


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 peer.example\r\n")
        is_data = False
        for line in self.rfile:
            line = line.strip()
            if is_data:
                is_data = line != b"."
                if not is_data:
                    self.wfile.write(b"250 taken\r\n")
            elif line.upper() == b"DATA":
                is_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper() == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


class MailHost(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    address, metadata = sys.argv[1:]
    servers = [http.server.ThreadingHTTPServer((address, 8000), Service),
               http.server.ThreadingHTTPServer((metadata, 80), Metadata),
               MailHost((address, 2525), Mail)]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


main()
