# SPDX-License-Identifier: Apache-2.0
"""What the soak of lutrad has around it: the clock, the daemon, containers, an engine, a receiver.

A container is a cgroup with one process, build/tests/e2e/soak/tenant, which connects to the ports that it
is told. Each port is used once, so each is an event that lutrad has to store or to count.
"""
import ctypes, glob, hashlib, http.client, json, mmap, os, signal, socket, struct, subprocess, threading, time

PATIENCE_S = 300  # a machine may be busy
IMAGE = "example.org/soak:1"


def die_with_parent():
    """In a child: ends it when the soak ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def until(is_so, seconds=PATIENCE_S):
    """Waits until is_so() is true. Returns what it returned last."""
    end = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < end:
        time.sleep(0.02)
    return so


class Clock:
    """How far the daemon's clock is ahead: nanoseconds in a file that tests/daemon/fake_clock.c reads."""

    def __init__(self, path):
        self.path, self.ahead_ns = path, 0
        with open(path, "wb") as f:
            f.write(struct.pack("Q", 0))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8)

    def pass_time(self, minutes, seconds):
        """Has the daemon see so many minutes pass in so many seconds, in small steps."""
        steps = int(seconds * 100)
        for _ in range(steps):
            self.ahead_ns += int(minutes * 60e9 / steps)
            self.map[:8] = struct.pack("Q", self.ahead_ns)
            time.sleep(0.01)


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """lutrad, by its process, its socket, its log and its files."""

    def __init__(self, stage, lutrad, preload, port, clock, receiver, engine):
        self.stage, self.lutrad, self.port, self.clock = stage, lutrad, port, clock
        self.state, self.socket = stage + "/state", stage + "/lutrad.sock"
        self.config, self.log, self.pins = stage + "/config.json", stage + "/lutrad.log", os.environ["SOAK_PINS"]
        self.env = dict(os.environ, LD_PRELOAD=preload, FAKE_CLOCK=clock.path, FAKE_CLOCK_TIMERS="20",
                        ASAN_OPTIONS="exitcode=99:quarantine_size_mb=8:log_path=%s/sanitizer" % stage,
                        UBSAN_OPTIONS="print_stacktrace=1:exitcode=99:log_path=%s/sanitizer" % stage)
        self.settings = {
            "socket": self.socket, "state_dir": self.state, "policies_dir": stage + "/policies",
            "pin_dir": self.pins, "engines": [engine], "bundles": [], "door": "off",
            "http": {"listen": "127.0.0.1:%d" % port, "read_without_token": True},
            "outputs": [{"type": "webhook", "name": "receiver", "all": True,
                         "url": "http://127.0.0.1:%d/" % receiver}]}
        self.process, self.lives, self.cut = None, 0, 0

    def write_config(self, **changes):
        with open(self.config, "w") as f:
            json.dump(dict(self.settings, **changes), f)

    def start(self):
        self.lives += 1
        self.process = subprocess.Popen([self.lutrad, "--config", self.config], env=self.env, preexec_fn=die_with_parent,
                                        stdout=open(self.log, "a"), stderr=subprocess.STDOUT)
        if not until(lambda: self.process.poll() is not None or self.status()) or self.process.poll() is not None:
            raise RuntimeError("lutrad does not start (%s, %s): see %s" % (self.process.poll(), self.ask("status/full"), self.log))

    def end(self, how):
        """Returns the exit status, negative for a signal."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def ask(self, path, body=None):
        """Returns status and answer; (0, reason) if there is no answer."""
        c = LocalConnection(self.socket)
        try:
            c.request("POST" if body is not None else "GET", "/api/v1/" + path,
                      None if body is None else json.dumps(body))
            r = c.getresponse()
            text = r.read()
            return r.status, json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError) as e:
            return 0, str(e)
        finally:
            c.close()

    def status(self):
        code, answer = self.ask("status/full")
        return answer if code == 200 else None

    def guarded(self):
        """Name and mode of each container under guard; None: no answer."""
        s = self.status()
        return {c["name"]: c["mode"] for c in s["containers"]} if s else None

    def get(self, path):
        """Asks the TCP server. Returns status and text."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
        except (OSError, http.client.HTTPException) as e:
            return 0, str(e)
        finally:
            c.close()

    def metrics(self):
        """Sums of the metrics by name, of all labels."""
        sums = {}
        for line in self.get("/metrics")[1].splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                sums[name] = sums.get(name, 0) + float(value)
        return sums

    def says(self, words, since):
        """Whether the log has words behind a place in it."""
        with open(self.log, errors="replace") as f:
            f.seek(since)
            return words in f.read()

    def log_end(self):
        return os.path.getsize(self.log)

    def size(self):
        """What must not grow: RSS in KiB, descriptors, threads, and what the kernel holds for it."""
        pid = self.process.pid
        with open("/proc/%d/status" % pid) as f:
            values = dict(line.split(":", 1) for line in f)
        pins = sum(len(files) for _, _, files in os.walk(self.pins))
        return {"rss": int(values["VmRSS"].split()[0]), "threads": int(values["Threads"]),
                "descriptors": len(os.listdir("/proc/%d/fd" % pid)), "pins": pins,
                "map entries": self.map_entries()}

    def map_entries(self):
        """Enrolled cgroups, and the policies and seen things of slots."""
        n = 0
        for name in ("cgroups", "policies", "seen"):
            pin, = glob.glob("%s/maps-*/%s" % (self.pins, name))
            out = subprocess.run([os.environ["BPFTOOL"], "-j", "map", "dump", "pinned", pin], capture_output=True, check=True)
            n += sum("value" in e and "error" not in e["value"] for e in json.loads(out.stdout))
        return n


class Tenant:
    """A container: a cgroup and a process in it that waits for its work."""

    def __init__(self, stage, cgroup, name, mode):
        self.name, self.mode, self.program = name, mode, stage + "/tenant"
        self.id = hashlib.sha256(cgroup.encode() + name.encode()).hexdigest()
        self.cgroup = "%s/docker-%s.scope" % (cgroup, self.id)
        self.next_port, self.made, self.process = 1024, 0, None
        os.mkdir(self.cgroup)

    def start(self, before_exec=None):
        """Starts the process. before_exec: called with its number before it executes the program."""
        go, ready = os.pipe(), os.pipe()

        def child():
            with open(self.cgroup + "/cgroup.procs", "w") as f:
                f.write("0")
            os.write(ready[1], b"%d\n" % os.getpid())
            os.read(go[0], 1)
        box = []
        t = threading.Thread(target=lambda: box.append(subprocess.Popen(
            [self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=child)))
        t.start()
        pid = int(os.read(ready[0], 32))
        try:
            if before_exec:
                before_exec(pid)
        finally:
            os.write(go[1], b"x")
            t.join()
            for fd in go + ready:
                os.close(fd)
        self.process = box[0]

    def attack(self, n):
        """Has it connect to n ports that it never used; in mode kill the first one is its child's end.
        Returns how many were tried, and what became of the child: "done", "killed" or "failed"."""
        n = 1 if self.mode == "kill" else n
        self.process.stdin.write(b"%d %d\n" % (self.next_port, n))
        self.process.stdin.flush()
        self.next_port += n
        self.made += n
        return n, self.process.stdout.readline().decode().strip()

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(PATIENCE_S)
        self.process = None

    def remove(self):
        self.close()
        until(lambda: remove_dir(self.cgroup), 10)


def remove_dir(path):
    try:
        os.rmdir(path)
        return True
    except FileNotFoundError:
        return True
    except OSError:
        return False


class Engine:
    """Docker's API on a Unix socket, as far as lutrad asks it. It vanishes and comes back."""

    def __init__(self, path):
        self.path, self.tenants, self.streams, self.listener = path, {}, [], None
        self.lock = threading.Lock()

    def appear(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def vanish(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)
        with self.lock:
            for s in self.streams:
                s.close()
            self.streams = []

    def serve(self, listener):
        while True:
            try:
                s = listener.accept()[0]
                path = s.recv(8192).split(b" ")[1].decode()
            except (OSError, IndexError):
                if listener.fileno() < 0:
                    return
                continue
            if path.startswith("/events"):
                s.sendall(b"HTTP/1.1 200 OK\r\nServer: Docker\r\n\r\n")
                with self.lock:
                    self.streams.append(s)
                continue
            body = json.dumps(self.answer(path)).encode()
            try:
                s.sendall(b"HTTP/1.1 %d X\r\nServer: Docker\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
                    200 if body != b"null" else 404, len(body), body))
            except OSError:
                pass
            s.close()

    def answer(self, path):
        if path == "/containers/json":
            return [{"Id": i} for i in list(self.tenants)]
        tenant = self.tenants.get(path.split("/")[2]) if path.startswith("/containers/") else None
        if not tenant or not tenant.process:
            return None
        return {"Id": tenant.id, "Created": "2024-01-01T00:00:00Z", "Image": "sha256:" + "a" * 64, "Name": "/" + tenant.name,
                "State": {"Status": "running", "Running": True, "Paused": False, "Pid": tenant.process.pid},
                "Driver": "overlay2", "HostConfig": {"CgroupParent": ""},
                "Config": {"Hostname": "soak", "Image": IMAGE, "Labels": {}}}

    def tell(self, action, tenant):
        line = json.dumps({"Type": "container", "Action": action, "status": action, "id": tenant.id,
                           "Actor": {"ID": tenant.id, "Attributes": {"image": IMAGE, "name": tenant.name}}}) + "\n"
        with self.lock:
            for s in self.streams:
                try:
                    s.sendall(line.encode())
                except OSError:
                    pass


class Receiver:
    """Takes what a webhook posts, and remembers which events it got. It vanishes and comes back."""

    def __init__(self):
        self.seen, self.listener, self.posts = set(), None, 0
        self.appear(0)
        self.port = self.listener.getsockname()[1]

    def appear(self, port=None):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port if port is None else port))
        self.listener.listen(64)
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def vanish(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, listener):
        while True:
            try:
                s = listener.accept()[0]
            except OSError:
                if listener.fileno() < 0:
                    return
                continue
            threading.Thread(target=self.read_posts, args=(s, listener), daemon=True).start()

    def read_posts(self, s, listener):
        data = b""
        while listener.fileno() >= 0:
            try:
                piece = s.recv(65536)
            except OSError:
                break
            if not piece:
                break
            data += piece
            while b"\r\n\r\n" in data:
                head, _, body = data.partition(b"\r\n\r\n")
                length = next((int(h.split(b":")[1]) for h in head.split(b"\r\n")
                               if h.lower().startswith(b"content-length")), 0)
                if b"100-continue" in head.lower() and not body:
                    s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if len(body) < length:
                    break
                data = body[length:]
                self.take(body[:length])
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        s.close()

    def take(self, body):
        fields = json.loads(body).get("output_fields", {})
        self.posts += 1
        if fields.get("lutra.group") == "connect":
            self.seen.add((fields.get("lutra.cgroup"), fields.get("lutra.object")))
