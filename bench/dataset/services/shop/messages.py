# SPDX-License-Identifier: Apache-2.0
"""A client of NATS, as much of it as the shop and its worker use: publish, subscribe, JetStream."""
import json
import os
import secrets
import socket

sender = None  # the connection of this process for send()


class Connection:
    """One connection. Raises OSError if it is lost or if the server does not answer in time."""

    def __init__(self, name, timeout=5):
        self.socket = socket.create_connection((os.environ["QUEUE_HOST"], 4222), timeout)
        self.rest = b""
        self.waiting = []  # messages that came while an answer was awaited
        self.read_line()  # INFO
        self.socket.sendall(b"CONNECT %s\r\nPING\r\n" % json.dumps(
            {"verbose": False, "pedantic": False, "name": name, "lang": "python", "version": "1",
             "user": "shop", "pass": os.environ["QUEUE_PASSWORD"]}).encode())
        if self.read_line() != b"PONG":
            raise OSError("the queue refused the connection")

    def read_bytes(self, n):
        while len(self.rest) < n:
            more = self.socket.recv(65536)
            if not more:
                raise OSError("the queue closed the connection")
            self.rest += more
        taken, self.rest = self.rest[:n], self.rest[n:]
        return taken

    def read_line(self):
        while b"\r\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise OSError("the queue closed the connection")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def publish(self, subject, data, reply=""):
        self.socket.sendall(b"PUB %s %d\r\n%s\r\n" % ((subject + " " + reply).strip().encode(), len(data), data))

    def subscribe(self, subject, number):
        self.socket.sendall(b"SUB %s %d\r\n" % (subject.encode(), number))

    def next_message(self):
        """Returns subject, reply subject and data of the next message."""
        return self.waiting.pop(0) if self.waiting else self.read_message()

    def read_message(self):
        while True:
            line = self.read_line().split()
            if line[0] == b"PING":
                self.socket.sendall(b"PONG\r\n")
            elif line[0] == b"MSG":
                data = self.read_bytes(int(line[-1]) + 2)[:-2]
                return line[1].decode(), line[3].decode() if len(line) == 5 else "", data
            elif line[0] == b"-ERR":
                raise OSError(b" ".join(line).decode())

    def request(self, subject, data):
        """Publishes data and returns the answer to it."""
        inbox = "_INBOX." + secrets.token_hex(8)
        self.subscribe(inbox, 99)
        self.publish(subject, json.dumps(data).encode(), inbox)
        while True:
            message = self.read_message()
            if message[0] == inbox:
                break
            self.waiting.append(message)
        self.socket.sendall(b"UNSUB 99\r\n")
        return json.loads(message[2])


def send(subject, data):
    """Puts a message into the stream. Connects again if the connection was lost."""
    global sender
    for last in (False, True):
        try:
            sender = sender or Connection("shop")
            return sender.request(subject, data)
        except OSError:
            sender = None
            if last:
                raise
