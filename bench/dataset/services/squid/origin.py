# SPDX-License-Identifier: Apache-2.0
#
# The sites that the proxy's clients ask for, on the peers' address: HTTP on port 80, HTTPS on port 443.
# A path says how an answer is: its size, whether and for how long it may be kept, its form.
#
# usage: origin.py ADDRESS
import gzip
import hashlib
import http.server
import random
import ssl
import subprocess
import sys
import tempfile
import threading
import time


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def page(self, number):
        lines = (f"<p>{number} {hashlib.md5(f'{number} {i}'.encode()).hexdigest()}</p>" for i in range(number * 9))
        self.answer(200, "\n".join(lines).encode(), Cache_Control=f"max-age={5 + number}", Content_Type="text/html")

    def file(self, kilobytes):
        body = random.Random(self.path).randbytes(kilobytes * 1024)
        self.answer(200, body, Cache_Control="max-age=3600", Content_Type="application/octet-stream")

    def news(self, number):
        """Kept for a moment, then asked for again."""
        tag = f'"{number}-{int(time.time()) // 15}"'
        headers = {"ETag": tag, "Cache_Control": "max-age=2", "Content_Type": "text/plain"}
        if self.headers.get("If-None-Match") == tag:
            self.answer(304, b"", **headers)
        else:
            self.answer(200, f"news {tag}\n".encode() * number * 20, **headers)

    def packed(self, number):
        text = b"word " * number * 400
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.answer(200, gzip.compress(text), Content_Encoding="gzip", Vary="Accept-Encoding",
                        Cache_Control="max-age=60")
        else:
            self.answer(200, text, Vary="Accept-Encoding", Cache_Control="max-age=60")

    def stream(self, number):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(number):
            part = f"part {i} ".encode() * (i + 1)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.03)
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        what = parts[0]
        number = int(next((part for part in parts if part.isdigit()), 3))
        if what in ("page", "intern"):
            self.page(number)
        elif what in ("file", "picture", "debian", "pypi"):
            self.file(number)
        elif what == "news":
            self.news(number)
        elif what == "packed":
            self.packed(number)
        elif what == "stream":
            self.stream(number)
        elif what == "moved":
            self.answer(302, b"", Location=f"/page/{number}")
        elif what == "slow":
            time.sleep(min(number, 20))
            self.answer(200, b"at last\n", Cache_Control="no-store")
        elif what == "error":
            self.answer(503, b"not now\n", Retry_After="5")
        else:
            self.answer(404, b"nothing here\n", Cache_Control="max-age=10")

    do_HEAD = do_GET

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print(f"took {len(body)} bytes at {self.path}: {body[:300]!r}", flush=True)
        self.answer(201, b"taken\n", Cache_Control="no-store")

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that goes away is no news."""


def main():
    address = sys.argv[1]
    plain, secure = Server((address, 80), Site), Server((address, 443), Site)
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                        "/CN=www.peer.example", "-keyout", f"{directory}/key", "-out", f"{directory}/cert"],
                       check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/cert", f"{directory}/key")
    # The handshake is made where the connection is first read: in its own thread.
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    plain.serve_forever()


main()
