# SPDX-License-Identifier: Apache-2.0
#
# The mail host of another firm, to which postfix relays: on port 2525, with TLS. By the recipient's name a letter
# is taken (most), refused for good (gone…), refused for now (later…), or taken at the second attempt (busy…).
#
# usage: peer.py ADDRESS
import socketserver
import ssl
import subprocess
import sys
import tempfile

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
seen = set()


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def encrypt(self):
        self.say("220 go on")
        self.connection = CONTEXT.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def recipient(self, name):
        is_new = name not in seen
        seen.add(name)
        if name.startswith("gone"):
            return self.say("550 5.1.1 no such user")
        if name.startswith("later") or (name.startswith("busy") and is_new):
            return self.say("450 4.2.1 not now")
        return self.say("250 2.1.5 ok")

    def letter(self):
        size, subject = 0, ""
        self.say("354 go on")
        for line in self.rfile:
            if line.rstrip() == b".":
                break
            size += len(line)
            subject = subject or (line.decode("utf-8", "replace").strip() if line.startswith(b"Subject:") else "")
            if b"stolen" in line:
                print(f"a line: {line[:300]!r}", flush=True)
        print(f"took {size} bytes: {subject}", flush=True)
        self.say("250 2.0.0 taken")

    def handle(self):
        self.say("220 peer.example ESMTP")
        while line := self.rfile.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                self.say("250-peer.example\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250-STARTTLS\r\n250-8BITMIME\r\n"
                         "250 ENHANCEDSTATUSCODES")
            elif verb == "STARTTLS":
                self.encrypt()
            elif verb == "RCPT":
                self.recipient(rest.partition("<")[2].partition("@")[0])
            elif verb == "DATA":
                self.letter()
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                return
            else:
                self.say("250 2.0.0 ok")


class Host(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        print(f"a session ended: {sys.exc_info()[1]!r}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj",
                        "/CN=peer.example", "-keyout", f"{d}/key", "-out", f"{d}/cert"], check=True,
                       stderr=subprocess.DEVNULL)
        CONTEXT.load_cert_chain(f"{d}/cert", f"{d}/key")
    Host((sys.argv[1], 2525), Mail).serve_forever()


main()
