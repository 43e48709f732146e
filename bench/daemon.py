# SPDX-License-Identifier: Apache-2.0
"""Asks a lutrad for what takes long, and measures meanwhile how soon it answers what must be quick.

usage: daemon.py SOCKET PORT SECONDS CGROUP    each cgroup directly below CGROUP is enrolled first
"""
import json, os, socket, sys, threading, time

path, port, seconds, cgroup = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
policies = os.path.join(os.path.dirname(path), "policies")
end = 0.0
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


def measure(results, name, local, what, body=None):
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
    results[name] = (took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], len(took))


ASKED = {"hook": (20, True, "/api/v1/hook", HOOK), "/healthz": (100, False, "/healthz"),
         "/metrics": (100, False, "/metrics")}
LONGEST = 500


def measure_all(duration):
    global end
    end = time.monotonic() + duration
    results = {}
    threads = [threading.Thread(target=measure, args=(results, name) + asked[1:]) for name, asked in ASKED.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def enrol():
    s = connect(True)
    names = [n for n in os.listdir(cgroup) if os.path.isdir(os.path.join(cgroup, n))]
    n_policies = len(os.listdir(policies))
    for i, name in enumerate(names):
        body = {"cgroup": os.path.join(cgroup, name), "policy": "p%d" % (i % n_policies), "mode": "audit",
                "force": True, "name": name}
        if ask(s, "/api/v1/enroll", json.dumps(body).encode()) != 200:
            sys.exit("daemon.py: %s is not enrolled" % name)
    print("#", len(names), "containers", flush=True)


def write_policies():
    """Has lutrad load all policies again: the file is the same, and is written anew."""
    file = os.path.join(policies, "p0", "policy.json")
    with open(file, "rb") as f:
        text = f.read()
    while time.monotonic() < end:
        with open(file, "wb") as f:
            f.write(text)
        time.sleep(1)


def load(duration):
    """In a process of its own: its threads take turns."""
    global end
    end = time.monotonic() + duration
    kept, threads = [], [threading.Thread(target=write_policies, daemon=True)]
    for local in (False, True):
        for i in range(64):
            hold(local, kept)
            threads.append(threading.Thread(target=ask_slowly, args=(local, i), daemon=True))
    for t in threads:
        t.start()
    time.sleep(duration)
    print("slow answers by status:", ", ".join("%s: %d" % x for x in sorted(slow.items(), key=str)), flush=True)
    os._exit(0)


def print_results(alone, loaded):
    failed = False
    for name, (limit, *_) in ASKED.items():
        p50, p99, worst, n = loaded[name]
        missed = p99 > limit or worst > LONGEST
        failed = failed or missed
        print("%-10s median %.1f ms, p99 %.1f ms, longest %.1f ms of %d; alone %.1f ms, %.1f ms: ratio %.1f, %.1f; "
              "limits %d and %d ms: %s"
              % (name, p50, p99, worst, n, alone[name][0], alone[name][1], p50 / alone[name][0],
                 p99 / alone[name][1], limit, LONGEST, "missed" if missed else "passed"))
    print("# load of the machine: %s on %d processors" % (os.getloadavg()[0], os.cpu_count()))
    return failed


enrol()
alone = measure_all(seconds / 2)
if os.fork() == 0:
    load(seconds + 1)
time.sleep(1)
loaded = measure_all(seconds)
os.wait()
sys.exit(print_results(alone, loaded))
