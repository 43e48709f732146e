# SPDX-License-Identifier: Apache-2.0
"""A client of NATS that does what it is told, step by step.

usage: client.py ADDRESS USER PASSWORD STEP…
STEP: words in one argument, see the functions below; client.py 10.88.0.2 app secret 'publish orders.new 10 200'
exit: 0 done, 1 the server refused or did not answer
"""
import base64
import json
import secrets
import socket
import sys
import time


class Connection:
    """One connection. Raises OSError if it is lost, refused, or silent for too long."""

    def __init__(self, address, user, password, timeout=10):
        self.socket = socket.create_connection((address, 4222), timeout)
        self.rest = b""
        self.inbox = f"_INBOX.{secrets.token_hex(8)}"
        self.last_sid = 0
        self.read_line()  # INFO
        self.send(b"CONNECT %s\r\nPING\r\n" % json.dumps(
            {"verbose": False, "pedantic": False, "name": f"{user} client", "lang": "python", "version": "1",
             "headers": True, "no_responders": True, "user": user, "pass": password}).encode())
        line = self.read_line()
        if line != b"PONG":
            raise OSError(line.decode())
        self.subscribe(self.inbox + ".*")

    def send(self, data):
        self.socket.sendall(data)

    def read_bytes(self, n):
        while len(self.rest) < n:
            more = self.socket.recv(65536)
            if not more:
                raise OSError("the server closed the connection")
            self.rest += more
        data, self.rest = self.rest[:n], self.rest[n:]
        return data

    def read_line(self):
        while b"\r\n" not in self.rest:
            more = self.socket.recv(65536)
            if not more:
                raise OSError("the server closed the connection")
            self.rest += more
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line

    def subscribe(self, subject, queue=""):
        self.last_sid += 1
        self.send(f"SUB {subject} {queue} {self.last_sid}\r\n".encode())

    def publish(self, subject, payload=b"", reply=""):
        self.send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def next_message(self):
        """Returns (subject, reply, headers, payload) of the next message; answers pings meanwhile."""
        while True:
            line = self.read_line()
            words = line.decode().split()
            if not words:
                continue
            if words[0] == "PING":
                self.send(b"PONG\r\n")
            elif words[0] == "-ERR":
                raise OSError(line.decode())
            elif words[0] in ("MSG", "HMSG"):
                total = int(words[-1])
                head = int(words[-2]) if words[0] == "HMSG" else 0
                rest = words[3:-2] if words[0] == "HMSG" else words[3:-1]
                data = self.read_bytes(total + 2)[:-2]
                return words[1], rest[0] if rest else "", data[:head], data[head:]

    def request(self, subject, payload=b""):
        reply = f"{self.inbox}.{secrets.token_hex(4)}"
        self.publish(subject, payload, reply)
        while True:
            got, _, headers, data = self.next_message()
            if got == reply:
                if headers.startswith(b"NATS/1.0 503"):
                    raise OSError(f"nobody answers {subject}")
                return data

    def api(self, subject, **value):
        answer = json.loads(self.request("$JS.API." + subject, json.dumps(value).encode() if value else b""))
        if "error" in answer:
            raise OSError(answer["error"]["description"])
        return answer


# ---- steps ----

def publish(c, subject, count, size):
    for i in range(int(count)):
        c.publish(subject, (b"%d " % i) * (int(size) // 2))
    c.send(b"PING\r\n")
    c.read_line()


def request(c, subject, text):
    print(c.request(subject, text.encode()).decode())


def stream(c, name, subjects, storage="file"):
    c.api(f"STREAM.CREATE.{name}", name=name, subjects=subjects.split(","), storage=storage, max_bytes=64 << 20,
          retention="limits", num_replicas=1)


def store(c, subject, count, size):
    """Messages that the server confirms."""
    for i in range(int(count)):
        c.request(subject, (b"%d %s" % (i, secrets.token_hex(4).encode())).ljust(int(size), b"."))


def consumer(c, name, durable):
    c.api(f"CONSUMER.DURABLE.CREATE.{name}.{durable}", stream_name=name,
          config={"durable_name": durable, "ack_policy": "explicit", "deliver_policy": "all"})


def pull(c, name, durable, count):
    reply = f"{c.inbox}.{secrets.token_hex(4)}"
    c.publish(f"$JS.API.CONSUMER.MSG.NEXT.{name}.{durable}",
              json.dumps({"batch": int(count), "expires": 1000000000}).encode(), reply)
    got = 0
    while got < int(count):
        _, ack, headers, _ = c.next_message()
        if headers.startswith(b"NATS/1.0 4"):
            break
        got += 1
        c.publish(ack, b"+ACK")
    print(f"pulled {got}")


def read_all(c, name):
    """Every message of a stream, by its number."""
    state = c.api(f"STREAM.INFO.{name}")["state"]
    got = 0
    for seq in range(state["first_seq"], state["last_seq"] + 1):
        try:
            message = c.api(f"STREAM.MSG.GET.{name}", seq=seq)["message"]
            got += len(base64.b64decode(message.get("data", "")))
        except OSError:
            continue  # deleted
    print(f"read {got}")


def put(c, bucket, key, text):
    c.request(f"$KV.{bucket}.{key}", text.encode())


def get(c, bucket, key):
    message = c.api(f"STREAM.MSG.GET.KV_{bucket}", last_by_subj=f"$KV.{bucket}.{key}")["message"]
    print(base64.b64decode(message["data"]).decode())


def info(c, name):
    print(json.dumps(c.api(f"STREAM.INFO.{name}")["state"]))


def names(c):
    print(" ".join(c.api("STREAM.NAMES").get("streams") or []))


def erase(c, name, seq):
    c.api(f"STREAM.MSG.DELETE.{name}", seq=int(seq))


def purge(c, name):
    c.api(f"STREAM.PURGE.{name}")


def delete(c, name):
    c.api(f"STREAM.DELETE.{name}")


def snapshot(c, name):
    """The stream as the server packs it for a backup."""
    subject = f"{c.inbox}.chunk"
    c.api(f"STREAM.SNAPSHOT.{name}", deliver_subject=subject)
    got = 0
    while True:
        _, reply, _, data = c.next_message()
        if not data:
            break
        got += len(data)
        if reply:
            c.publish(reply)
    print(f"packed {got}")


def listen(c, subject, seconds):
    """Prints how many messages and bytes came in that time."""
    c.subscribe(subject)
    c.socket.settimeout(0.5)
    until, count, size = time.time() + float(seconds), 0, 0
    while time.time() < until:
        try:
            _, _, _, data = c.next_message()
            count, size = count + 1, size + len(data)
        except TimeoutError:
            continue
    print(f"heard {count} messages, {size} bytes")


def stall(c, subject, seconds):
    """Subscribes and reads nothing."""
    c.subscribe(subject)
    time.sleep(float(seconds))


def answer(c, subject):
    """Answers requests until the connection ends."""
    c.socket.settimeout(None)
    c.subscribe(subject, "workers")
    while True:
        _, reply, _, data = c.next_message()
        if reply:
            c.publish(reply, b"answer to " + data[:40])


def main():
    address, user, password, *steps = sys.argv[1:]
    again = steps[0].startswith("answer ")
    while True:
        try:
            c = Connection(address, user, password)
            for step in steps:
                name, *words = step.split()
                globals()[name](c, *words)
            return 0
        except OSError as e:
            if not again:
                print(f"client.py: {e}", file=sys.stderr)
                return 1
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
