#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A DHCP client behind a relay agent: asks a server by unicast, as a dummy interface has no broadcast.

usage: dhcp.py lease|renew|release|inform SERVER RELAY MACHINE [VENDOR_CLASS]
       MACHINE: a number, which gives the hardware address and the host name
Prints the address. Exit status 1: the server did not answer in time.
"""
import os
import socket
import struct
import sys

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
COOKIE = b"\x63\x82\x53\x63"


class Client:
    def __init__(self, server, relay, machine, vendor):
        self.server, self.relay, self.vendor = server, relay, vendor
        self.mac = bytes([2, 0, 0, 0, machine >> 8, machine & 255])
        self.name = f"machine{machine}"
        self.xid = os.urandom(4)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.socket.bind((relay, 67))
        self.socket.settimeout(8)

    def send(self, kind, ciaddr="0.0.0.0", options=()):
        packet = struct.pack("!BBBB4sHH4s4s4s4s16s64s128s", 1, 1, 6, 1, self.xid, 0, 0,
                             socket.inet_aton(ciaddr), bytes(4), bytes(4),
                             socket.inet_aton(self.relay), self.mac, b"", b"") + COOKIE
        for code, value in [(53, bytes([kind])), (61, b"\x01" + self.mac), (12, self.name.encode()),
                            (55, bytes([1, 3, 6, 12, 15, 28, 42, 66, 67])),
                            (60, self.vendor.encode()), *options]:
            packet += bytes([code, len(value)]) + value
        self.socket.sendto(packet + b"\xff", (self.server, 67))

    def receive(self, kinds):
        while True:
            packet = self.socket.recv(2048)
            if packet[4:8] != self.xid or packet[236:240] != COOKIE:
                continue
            options = self.options(packet[240:])
            if options[53][0] in kinds:
                return options[53][0], socket.inet_ntoa(packet[16:20]), options

    @staticmethod
    def options(data):
        found = {}
        while data and data[0] != 255:
            if data[0] == 0:
                data = data[1:]
                continue
            found[data[0]] = data[2:2 + data[1]]
            data = data[2 + data[1]:]
        return found

    def lease(self):
        self.send(DISCOVER)
        _, address, options = self.receive([OFFER])
        self.send(REQUEST, options=[(50, socket.inet_aton(address)), (54, options[54])])
        return self.receive([ACK, NAK])[:2], options[54]


def main():
    what, server, relay, machine = sys.argv[1:5]
    client = Client(server, relay, int(machine), sys.argv[5] if len(sys.argv) > 5 else "udhcp 1.36.1")
    try:
        (kind, address), identifier = client.lease()
        if what == "renew":
            client.send(REQUEST, options=[(50, socket.inet_aton(address))])
            kind, address, _ = client.receive([ACK, NAK])
        elif what == "release":
            client.send(RELEASE, address, [(54, identifier)])
        elif what == "inform":
            client.send(INFORM, address)
            client.receive([ACK])
    except TimeoutError:
        sys.exit("dhcp.py: no answer")
    print(address)
    sys.exit(kind == NAK)


main()
