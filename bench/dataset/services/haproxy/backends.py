# SPDX-License-Identifier: Apache-2.0
#
# What haproxy sends requests to, on the peers' address: web servers, an application, a queue of text lines, and
# the log host.
#
# usage: backends.py ADDRESS NAME…    NAME: site, staging, api, account, office, sorry, live, queue, log
import http.server
import json
import os
import socketserver
import ssl
import sys
import tempfile
import threading
import time

ports = {"site": [8001, 8002], "staging": [8004], "sorry": [8005], "api": [8003, 8006], "office": [8007],
         "live": [8008], "account": [8443]}


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="text/html", headers=()):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def length(self):
        digits = "".join(c for c in self.path if c.isdigit())
        return int(digits or 7) % 400

    def number(self):
        return int("".join(c for c in self.path if c.isdigit()) or 0)

    def do_GET(self):
        path = os.path.normpath("/" + self.path.split("?")[0].lstrip("/"))
        if self.headers.get("upgrade"):
            self.upgrade()
        elif path.startswith("/internal/"):
            print("internal", path, flush=True)
            self.answer(200, b"record %d: card 4111-0000-%04d\n" % (self.number(), self.number()), "text/plain")
        elif path.startswith("/static/"):
            self.answer(200, b"x" * 1000 * self.length(), "text/css", [("cache-control", "max-age=10")])
        elif path.startswith("/slow"):
            time.sleep(self.length() % 3 + 0.2)
            self.answer(200, b"late\n", "text/plain")
        elif path.startswith("/api/error"):
            self.answer(500 + self.length() % 4, b"{}", "application/json")
        elif path.startswith("/api/"):
            items = [{"id": i, "name": f"item {i}"} for i in range(self.length())]
            self.answer(200, json.dumps(items).encode(), "application/json")
        elif path.startswith("/account"):
            self.answer(200, b"your account\n", "text/plain", [("set-cookie", f"session=s{self.number() % 30}; path=/")])
        elif path.startswith("/none"):
            self.answer(404, b"none\n")
        else:
            print(self.server.server_port, path, flush=True)
            self.answer(200, b"<html>%s</html>" % (path.encode() + b" text" * self.length() * 20))

    do_HEAD = do_OPTIONS = do_DELETE = do_GET

    def do_POST(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        print("took", len(body), self.path, self.headers.get("cookie"), body[:200], flush=True)
        self.answer(201, json.dumps({"length": len(body)}).encode(), "application/json")

    do_PUT = do_POST

    def upgrade(self):
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "upgrade")
        self.end_headers()
        for line in self.rfile:
            self.wfile.write(b"echo " + line)
        self.close_connection = True


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        count = 0
        for line in self.rfile:
            if line.startswith(b"PROXY "):
                continue
            count += 1
            if line.startswith(b"PING"):
                self.wfile.write(b"PONG\r\n")
            elif line.startswith(b"GET "):
                self.wfile.write(b"m" * int(line.split()[1]) + b"\r\n")
            else:
                self.wfile.write(b"taken %d\r\n" % count)


class Agent(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"up %d%%\n" % (50 + int(time.time()) % 50))


class Log(socketserver.DatagramRequestHandler):
    def handle(self):
        print("log", self.rfile.read(300), flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class WebServer(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


def certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(os.environ["PAIR"])
        f.flush()
        context.load_cert_chain(f.name)
    return context


def main():
    address, names = sys.argv[1], sys.argv[2:]
    servers = []
    for name in names:
        for port in ports.get(name, []):
            servers.append(WebServer((address, port), Web))
            if name == "account":
                servers[-1].socket = certificate().wrap_socket(servers[-1].socket, server_side=True)
    if "api" in names:
        servers.append(Server((address, 8009), Agent))
    if "queue" in names:
        servers.append(Server((address, 7000), Lines))
    if "log" in names:
        servers.append(socketserver.ThreadingUDPServer((address, 514), Log))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Event().wait()


main()
