# SPDX-License-Identifier: Apache-2.0
"""Soaks lutrad: a day in minutes, in which all happens to it that happens to a daemon in months.

usage: day.py STAGE CGROUP LUTRAD PRELOAD HOURS      by tests/e2e/soak/daemon, which cleans up

The hours are divided into rounds. In each, containers come and go, attacks come in bursts, and the
configuration is changed; in turn the disk is full, the engine vanishes, the receiver vanishes. In the first
third of the rounds lutrad is also killed or stopped, and starts anew. In the rest one lutrad lives on, and
must not grow. Prints a line of TAP for each check.
"""
import os, re, signal, socket, sqlite3, subprocess, sys, time

from daemon_stage import IMAGE, Clock, Daemon, Engine, Receiver, Tenant, until

BURST = 60        # attacks of a burst of one container
# What may be more at the end of a life than in its first quarter: KiB of RSS, in which malloc and the sanitizer keep
# what was freed; a connection that is just open, and its thread; a container that is enrolled, with three entries.
MORE = {"rss": 8192, "descriptors": 4, "threads": 1, "pins": 0, "map entries": 3}
FILLER = "filler"  # the file that fills the disk


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Checks:
    """Counts what was found. A check is printed when it fails, and once at the end."""

    def __init__(self):
        self.count, self.failed = {}, {}

    def see(self, name, is_so, what=""):
        self.count[name] = self.count.get(name, 0) + 1
        if not is_so:
            self.failed[name] = self.failed.get(name, 0) + 1
            print("# not so: %s %s" % (name, what), flush=True)
        return is_so

    def report(self):
        for i, (name, n) in enumerate(self.count.items(), 1):
            bad = self.failed.get(name, 0)
            print("%s %d - %s%s" % ("not ok" if bad else "ok", i, name, " (%d of %d)" % (bad, n) if bad else ""))
        print("1..%d" % len(self.count))
        return not self.failed


class Day:
    def __init__(self, stage, cgroup, lutrad, preload, hours):
        self.stage, self.cgroup, self.hours = stage, cgroup, hours
        self.rounds = max(6, round(hours * 3))
        self.lutra = os.path.dirname(os.environ["SOAK_LUTRA"]) + "/lutra"
        self.checks = Checks()
        self.clock, self.receiver = Clock(stage + "/clock"), Receiver()
        self.engine = Engine(stage + "/engine.sock")
        self.daemon = Daemon(stage, lutrad, preload, free_port(), self.clock, self.receiver.port, self.engine.path)
        self.residents, self.made, self.serial = [], {}, 0
        self.stored, self.lost = 0, {"kernel": 0, "queue or store": 0, "output": 0}
        self.sizes, self.happened, self.sanitized = [], {}, 0
        self.settled = self.account = (0, 0)  # attacks that are not stored, and losses counted

    def note(self, what, n=1):
        self.happened[what] = self.happened.get(what, 0) + n

    # ---- containers ----

    def new_tenant(self, kind, mode="audit"):
        """A container that is enrolled by the command line, by the hook or by the engine."""
        self.serial += 1
        t = Tenant(self.stage, self.cgroup, "%s-%d" % (kind, self.serial), mode)
        self.made[t.cgroup] = t
        if kind == "cli":
            t.start()
            r = subprocess.run([self.lutra, "enroll", "--config", self.daemon.config, "--cgroup", t.cgroup, "--policy",
                                "soak", "--mode", mode, "--force", "--name", t.name], capture_output=True, text=True)
            self.checks.see("each container is enrolled", r.returncode == 0, r.stderr)
        elif kind == "hook":
            def tell(pid):
                code, answer = self.daemon.ask("hook", {"event": "start", "pid": pid, "who": {
                    "engine": "docker", "id": t.id, "name": t.name, "image": IMAGE}})
                self.checks.see("each container is enrolled", code == 200 and answer.get("container"), answer)
            t.start(tell)
        else:
            t.start()
            self.engine.tenants[t.id] = t
            self.engine.tell("start", t)
        self.checks.see("each container is enrolled", until(lambda: t.name in (self.daemon.guarded() or {})), t.name)
        self.note("containers")
        return t

    def end_tenant(self, t):
        self.engine.tenants.pop(t.id, None)
        t.remove()

    def attack(self, tenants, n):
        """Attacks that mode kill ends are ended at once, whatever lutrad does."""
        for t in tenants:
            tried, end = t.attack(n)
            self.checks.see("the kernel acts on each attack", end == ("killed" if t.mode == "kill" else "done"), (t.name, end))
            self.note("attacks", tried)

    # ---- what was stored and counted ----

    def stored_attacks(self):
        """(cgroup, object) of the stored events of attacks."""
        db = sqlite3.connect("file:%s/events.db?mode=ro" % self.daemon.state, uri=True, timeout=60)
        try:
            return set(db.execute("SELECT cgroup, object FROM events WHERE rule_group = 'connect'"))
        finally:
            db.close()

    def count_made(self):
        return sum(t.made for t in self.made.values())

    def counted_lost(self):
        """Of all lives, what the kernel, the queue and the store have counted as lost."""
        m = self.daemon.metrics()
        now = {"kernel": m.get("lutra_evidence_lost_total", 0), "queue or store": m.get("lutra_store_lost_total", 0),
               "output": m.get("lutra_output_lost_total", 0)}
        return {k: self.lost[k] + now[k] for k in now}

    def unaccounted(self):
        """How many of the attacks since the last check are neither stored nor counted as lost; below 0: rows too many."""
        lost = self.counted_lost()
        now = lost["kernel"] + lost["queue or store"]
        self.stored = len(self.stored_attacks())
        missing = self.count_made() - self.stored
        self.account = (missing, now)
        return max(0, missing - self.settled[0] - (now - self.settled[1])) if missing >= self.settled[0] else -1

    def check_account(self):
        """Losses before this check do not count for what is lost after it."""
        left = self.unaccounted() and not until(lambda: self.unaccounted() == 0, 100) and self.unaccounted()
        self.checks.see("each event is stored or counted as lost", not left, "%s of %d made are neither, %d are stored; missing %s" % (
            left, self.count_made(), self.stored, self.missing()))
        self.settled = self.account

    def missing(self):
        """How many attacks of each container are not stored."""
        by = {}
        for cgroup, _ in self.stored_attacks():
            by[cgroup] = by.get(cgroup, 0) + 1
        return {t.name: t.made - by.get(c, 0) for c, t in self.made.items() if t.made != by.get(c, 0)}

    # ---- lives of the daemon ----

    def restart(self, how):
        self.lost = self.counted_lost()
        code = self.daemon.end(how)
        if how == signal.SIGTERM:
            self.checks.see("lutrad ends with 0, without a report of a sanitizer", code == 0, code)
        self.check_sanitizer()
        self.attack(self.residents, 5)  # the kernel acts, and its evidence waits
        self.daemon.start()
        self.note("starts after kill -9" if how == signal.SIGKILL else "starts after a stop")
        self.check_residents()

    def check_sanitizer(self):
        found = [f for f in os.listdir(self.stage) if f.startswith("sanitizer.")]
        new, self.sanitized = len(found) > self.sanitized, len(found)
        self.checks.see("lutrad ends with 0, without a report of a sanitizer", not new, " ".join(found))

    def check_residents(self):
        wanted = {t.name: t.mode for t in self.residents}

        def all_guarded():
            have = self.daemon.guarded() or {}
            return all(have.get(n) == m for n, m in wanted.items())
        self.checks.see("each container that was enrolled is enrolled, in its mode", until(all_guarded),
                        "%s, not %s" % (self.daemon.guarded(), wanted))
        last = {(t.cgroup, "connect 127.0.0.1:%d" % t.next_port) for t in self.residents}
        self.attack(self.residents, 1)
        self.checks.see("an attack in each of them is seen", until(lambda: last <= self.stored_attacks()), last - self.stored_attacks())
        self.check_account()

    # ---- what happens in a round ----

    def come_and_go(self):
        """Containers that live for moments: one ends as soon as it has attacked."""
        guests = [self.new_tenant(kind) for kind in ("cli", "hook", "engine")]
        guests.append(self.new_tenant("cli", "kill"))
        for t in guests:
            self.attack([t], 5)
            self.end_tenant(t)
        names = {t.name for t in guests}
        self.checks.see("a container that has ended is released", until(lambda: not names & set(self.daemon.guarded() or names)),
                        names)

    def change_config(self, serial):
        begin = self.daemon.log_end()
        if serial % 2:
            with open(self.daemon.config, "w") as f:
                f.write(("{", '{"htpp": 1}', '{"throttle": {"burst": "many"}}')[serial // 2 % 3])
        else:
            self.daemon.write_config(throttle={"per_second": 5 + serial % 7, "burst": 50})
        self.daemon.process.send_signal(signal.SIGHUP)
        words = "the configuration stays as it was" if serial % 2 else "SIGHUP"
        self.checks.see("SIGHUP is answered, and a bad configuration refused",
                        until(lambda: self.daemon.says(words, begin)) and self.daemon.guarded() is not None)
        self.daemon.write_config()
        self.note("SIGHUPs")

    def change_policy(self, serial):
        """A policy that is damaged is refused, and the one in force stays."""
        path = self.stage + "/policies/soak/policy.json"
        with open(path) as f:
            text = f.read()
        with open(path + ".new", "w") as f:
            f.write(text[:len(text) // 2] if serial % 2 else text + "\n" * (serial % 5))
        os.rename(path + ".new", path)
        self.daemon.process.send_signal(signal.SIGHUP)
        self.attack(self.residents, 3)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.rename(path + ".new", path)
        self.daemon.process.send_signal(signal.SIGHUP)
        self.note("policies changed")

    def fill_disk(self):
        path = "%s/%s" % (self.daemon.state, FILLER)
        with open(path, "wb", buffering=0) as f:
            block = 1 << 20
            while block >= 4096:
                try:
                    f.write(b"\0" * block)
                except OSError:
                    block //= 2
        self.attack(self.residents, BURST)
        guest = self.new_tenant("cli")
        self.attack([guest] + self.residents, BURST)
        self.residents.append(guest)
        self.clock.pass_time(2, 0.5)
        self.checks.see("/healthz is 503 while events are lost", until(lambda: self.daemon.get("/healthz")[0] == 503),
                        self.daemon.get("/healthz"))
        os.unlink(path)
        self.note("full disks")
        self.attack(self.residents, 5)
        self.checks.see("/healthz is 200 once there is room", until(lambda: self.clock.pass_time(1, 0.1) or self.daemon.get("/healthz")[0] == 200),
                        self.daemon.get("/healthz"))

    def lose_engine(self):
        self.engine.vanish()
        self.clock.pass_time(2, 0.3)
        self.attack(self.residents, 5)
        self.check_residents()
        guest = next((t for t in self.residents if t.name.startswith("cli") and t.mode == "audit" and t is not self.residents[0]), None)
        self.engine.appear()
        self.note("engines that vanished")
        self.checks.see("an engine that is back is asked again", until(lambda: self.clock.pass_time(1, 0.1) or self.engine.streams))
        if guest:
            self.residents.remove(guest)
            self.end_tenant(guest)

    def lose_receiver(self):
        self.receiver.vanish()
        self.attack(self.residents, BURST)
        self.clock.pass_time(2, 0.3)
        self.receiver.appear()
        self.note("receivers that vanished")

        def nothing_waits():
            self.clock.pass_time(0.5, 0.05)
            return self.daemon.metrics().get("lutra_output_waiting") == 0
        self.checks.see("a receiver that is back gets what waits", until(nothing_waits))

    def round(self, i, restarts):
        self.come_and_go()
        self.attack(self.residents, BURST)
        self.change_config(i)
        self.change_policy(i)
        (self.fill_disk, self.lose_engine, self.lose_receiver)[i % 3]()
        self.check_account()
        if restarts and i % 2:
            self.attack(self.residents, BURST)
            self.restart(signal.SIGKILL)
        elif restarts:
            self.restart(signal.SIGTERM if i % 4 else signal.SIGKILL)
        self.clock.pass_time(self.hours * 60 / self.rounds, 1.5)
        self.check_account()

    # ---- the day ----

    def run(self):
        self.engine.appear()
        self.daemon.write_config()
        self.daemon.start()
        self.residents = [self.new_tenant("cli"), self.new_tenant("cli", "kill"), self.new_tenant("hook"), self.new_tenant("engine")]
        lives_on = max(2, self.rounds // 3)
        for i in range(self.rounds):
            begin = time.monotonic()
            self.round(i, i < lives_on)
            if i >= lives_on:
                self.sizes.append(self.daemon.size())
            print("# round %d of %d: %.1f s, %d attacks, %s" % (i + 1, self.rounds, time.monotonic() - begin, self.count_made(),
                  self.daemon.size()), flush=True)
        self.check_sizes()
        self.restart(signal.SIGKILL)
        self.finish()

    def check_sizes(self):
        """The last quarter of the long life beside its first, which is the warm-up."""
        quarter = max(1, len(self.sizes) // 4)
        for what, more in MORE.items():
            first = max(s[what] for s in self.sizes[:quarter])
            last = max(s[what] for s in self.sizes[-quarter:])
            self.checks.see("no growth of " + what, last <= first + more, "%d, then %d" % (first, last))
            print("# %s: %d in the first quarter, %d in the last" % (what, first, last))

    def finish(self):
        for t in list(self.residents):
            self.end_tenant(t)
        self.residents = []
        self.checks.see("a container that has ended is released", until(lambda: self.daemon.guarded() == {}), self.daemon.guarded())
        self.check_account()
        self.lost = self.counted_lost()
        self.checks.see("lutrad ends with 0, without a report of a sanitizer", self.daemon.end(signal.SIGTERM) == 0)
        self.check_sanitizer()


def main():
    stage, cgroup, lutrad, preload, hours = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    day = Day(stage, cgroup, lutrad, preload, float(hours))
    day.run()
    well = day.checks.report()
    print("soak: %g hours: %s; %d stored, lost: %s; %d came to the receiver" % (
        day.hours, ", ".join("%d %s" % (n, w) for w, n in day.happened.items()), day.stored,
        ", ".join("%d by the %s" % (n, w) for w, n in day.lost.items()), len(day.receiver.seen)))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
