# SPDX-License-Identifier: Apache-2.0
#
# The other name servers of an office, on the peers' address. On port 5302 the partner's, from which a zone is
# transferred: its serial grows, and it says so. On port 5301 our secondary: after each NOTIFY it transfers the
# zone with dig, as a difference if it has the zone.
#
# usage: partner.py ADDRESS SERVICE
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

address, service = sys.argv[1:]
zone = "partner.example"
serials = {}
lock = threading.Lock()
begin = time.time()


def serial():
    return 1000 + int((time.time() - begin) / 12)


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".") if p) + b"\0"


def record(owner, kind, data):
    return name(owner) + struct.pack(">HHIH", kind, 1, 60, len(data)) + data


def soa():
    return record(zone, 6, name("ns." + zone) + name("admin." + zone) + struct.pack(">IIIII", serial(), 10, 5, 600, 30))


def records():
    yield soa()
    yield record(zone, 2, name("ns." + zone))
    yield record("ns." + zone, 1, socket.inet_aton(address))
    for i in range(serial() % 90 + 10):
        yield record(f"host{i}.{zone}", 1, bytes([10, 88, 4, (serial() + i) % 250]))
    yield soa()


def question(message):
    """The name and the type that a message asks for, and where the question ends."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels).lower(), struct.unpack(">H", message[at + 1:at + 3])[0], at + 5


def answer(message, answers, code=0):
    end = question(message)[2]
    flags = 0x8400 | (message[2] & 0x79) << 8 | code
    return message[:2] + struct.pack(">HHHHH", flags, 1, len(answers), 0, 0) + message[12:end] + b"".join(answers)


class Partner(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        asked, kind, _ = question(message)
        sock.sendto(answer(message, [soa()] if asked == zone and kind in (6, 251) else []), self.client_address)


class PartnerTransfers(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(2):
            message = self.rfile.read(struct.unpack(">H", head)[0])
            asked, kind, _ = question(message)
            answers = list(records()) if kind in (251, 252) else [soa()]
            for i in range(0, len(answers), 40):
                reply = answer(message, answers[i:i + 40])
                self.wfile.write(struct.pack(">H", len(reply)) + reply)


class Secondary(socketserver.BaseRequestHandler):
    def handle(self):
        message, sock = self.request
        asked, _, _ = question(message)
        sock.sendto(answer(message, []), self.client_address)
        with lock:
            if asked:
                transfer(asked)


def transfer(asked):
    kind = f"IXFR={serials[asked]}" if asked in serials else "AXFR"
    out = subprocess.run(["dig", f"@{service}", "+time=3", "-y", "hmac-sha256:secondary:c2Vjb25kYXJ5LXNlY3JldA==",
                          asked, kind], capture_output=True, text=True).stdout
    for line in out.splitlines():
        fields = line.split()
        if len(fields) > 6 and fields[3] == "SOA":
            serials[asked] = fields[6]
            break
    print("transfer", asked, kind, len(out.splitlines()), "lines", flush=True)


class Datagrams(socketserver.ThreadingUDPServer):
    allow_reuse_address = True


class Streams(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    for server in (Datagrams((address, 5302), Partner), Streams((address, 5302), PartnerTransfers),
                   Datagrams((address, 5301), Secondary)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    last = serial()
    while True:
        time.sleep(1)
        if serial() != last:
            last = serial()
            notify = struct.pack(">HHHHHH", last & 0xffff, 0x2400, 1, 0, 0, 0) + name(zone) + struct.pack(">HH", 6, 1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind((address, 0))
                s.sendto(notify, (service, 53))


main()
