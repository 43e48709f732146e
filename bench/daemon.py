# SPDX-License-Identifier: Apache-2.0
"""Asks a lutrad for what takes long, and measures meanwhile how soon it answers what must be quick.

usage: daemon.py SOCKET PORT SECONDS
"""
import os, socket, sys, threading, time

path, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
SLOW = ["events?image=registry.example.org/shop/frontend:1.2.3&verdict=kill&limit=200",
        "events?container=shop-1&verdict=kill&limit=200", "policies", "events?limit=200", "containers?state=ended",
        "policies/p1"]
HOOK = b'{"event": "stop", "who": {"id": "bench"}}'


def connect(local):
    s = socket.socket(socket.AF_UNIX if local else socket.AF_INET)
    s.settimeout(60)
    s.connect(path if local else ("127.0.0.1", port))
    return s


def read_answer(s):
    """Reads an answer; returns its status."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        if not piece:
            raise OSError("closed")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
    while len(body) < length:
        piece = s.recv(65536)
        if not piece:
            raise OSError("closed")
        body += piece
    return int(head.split()[1])


def ask(s, what, body=None):
    head = b"%s %s HTTP/1.1\r\nHost: localhost\r\n" % (b"POST" if body else b"GET", what.encode())
    s.sendall(head + (b"Content-Length: %d\r\n\r\n%s" % (len(body), body) if body else b"\r\n"))
    return read_answer(s)


slow = {}


def ask_slowly(local, i):
    while time.monotonic() < end:
        try:
            s = connect(local)
            while time.monotonic() < end:
                status = ask(s, "/api/v1/" + SLOW[i % len(SLOW)])
                slow[status] = slow.get(status, 0) + 1
                i += 1
        except OSError:
            slow["closed"] = slow.get("closed", 0) + 1
            time.sleep(0.1)


def hold(local, kept):
    try:
        s = connect(local)
        s.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: loc")
        kept.append(s)
    except OSError:
        pass


def measure(name, limit_p99, limit_worst, local, what, body=None):
    took = []
    while time.monotonic() < end:
        begin = time.monotonic()
        try:
            s = connect(local)
            status = ask(s, what, body)
            s.close()
        except OSError as e:
            status = str(e)
        took.append((time.monotonic() - begin) * 1000)
        if status != 200:
            took[-1] = 60000.0
        time.sleep(0.02)
    took.sort()
    p50, p99, worst = took[len(took) // 2], took[int(len(took) * 0.99)], took[-1]
    results[name] = (p50, p99, worst, len(took), p99 > limit_p99 or worst > limit_worst)


def load():
    """In a process of its own: its threads take turns."""
    kept, threads = [], []
    for local in (False, True):
        for i in range(64):
            hold(local, kept)
            threads.append(threading.Thread(target=ask_slowly, args=(local, i), daemon=True))
    for t in threads:
        t.start()
    time.sleep(max(0, end - time.monotonic()))
    print("slow answers by status:", ", ".join("%s: %d" % x for x in sorted(slow.items(), key=str)), flush=True)
    os._exit(0)


if os.fork() == 0:
    load()
results = {}
threads = [threading.Thread(target=measure, args=args) for args in (
    ("hook", 20, 500, True, "/api/v1/hook", HOOK), ("/healthz", 100, 500, False, "/healthz"),
    ("/metrics", 100, 500, False, "/metrics"))]
time.sleep(1)
for t in threads:
    t.start()
for t in threads:
    t.join()
os.wait()
for name, (p50, p99, worst, n, _) in results.items():
    print("%-10s median %.1f ms, p99 %.1f ms, longest %.1f ms of %d" % (name, p50, p99, worst, n))
sys.exit(any(failed for *_, failed in results.values()))
