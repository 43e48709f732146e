# SPDX-License-Identifier: Apache-2.0
#
# A page in a browser: MQTT over a WebSocket. It logs in, subscribes, publishes some messages and reads what comes.
#
# usage: browser.py ADDRESS USER PASSWORD TOPIC MESSAGES
import base64
import os
import socket
import struct
import sys

address, user, password, topic, messages = sys.argv[1:]


def frame(data):
    mask = os.urandom(4)
    if len(data) < 126:
        head = struct.pack("!BB", 0x82, 0x80 | len(data))
    else:
        head = struct.pack("!BBH", 0x82, 0x80 | 126, len(data))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def packet(kind, body):
    length, n = b"", len(body)
    while True:
        n, digit = n // 128, n % 128
        length += bytes([digit | (0x80 if n else 0)])
        if not n:
            return frame(bytes([kind]) + length + body)


def text(value):
    return struct.pack("!H", len(value)) + value.encode()


with socket.create_connection((address, 9001), timeout=5) as s:
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall((f"GET /mqtt HTTP/1.1\r\nHost: {address}:9001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: mqtt\r\n\r\n").encode())
    answer = s.recv(4096)
    if b" 101 " not in answer:
        sys.exit(f"no WebSocket: {answer[:80]!r}")
    s.sendall(packet(0x10, text("MQTT") + bytes([4, 0xC2]) + struct.pack("!H", 30) +
                     text("browser-" + os.urandom(3).hex()) + text(user) + text(password)))
    answer = s.recv(4096)
    if not answer.endswith(b"\x00\x00"):
        sys.exit("refused")
    s.sendall(packet(0x82, b"\0\1" + text(topic + "/#") + b"\1"))
    for i in range(int(messages)):
        s.sendall(packet(0x30, text(f"{topic}/page") + b"x" * (20 + 37 * i % 900)))
    got = 0
    s.settimeout(2)
    try:
        while got < 400 * int(messages):
            part = s.recv(65536)
            if not part:
                break
            got += len(part)
    except TimeoutError:
        pass
    s.sendall(packet(0xE0, b""))
    print(f"got {got} bytes")
