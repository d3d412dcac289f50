"""What the attacks have in common: processes in numbers, a scraper that keeps its figures, cgroups
with a limit, and what must be the same after an attack as before it. The daemon and the text format
are those of tests/live. Everything goes over 127.0.0.1."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "live"))

import live  # noqa: E402  (its folder is known only now)

CROWD = os.path.join(live.BUILD, "tests", "attacks", "crowd")
MIB = 1 << 20

# The full length wants the machine for itself; the short one is for every run of the tests.
FULL = os.environ.get("MEMORY_EXPORTER_ATTACKS") == "full"

# What the shipped unit gives the daemon (deploy/systemd/memory_exporter.service).
UNIT_MEMORY = 128 * MIB


def unit_tasks():
    path = os.path.join(SOURCE, "deploy", "systemd", "memory_exporter.service")
    with open(path, encoding="utf-8") as file:
        return int(re.search(r"^TasksMax=(\d+)$", file.read(), re.MULTILINE)[1])


def report(name, **figures):
    """Figures of a run: printed, and kept for tests/attacks/figures where it asks for them."""
    print(f"figures of {name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()),
          file=sys.stderr, flush=True)
    path = os.environ.get("MEMORY_EXPORTER_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            print(json.dumps({"name": name, **figures}), file=file)


# --- processes -----------------------------------------------------------------------------------


class Crowd:
    """See crowd.cc."""

    def __init__(self, *arguments, wrapper=()):
        self.child = subprocess.Popen([*wrapper, CROWD, *map(str, arguments)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.started = None
        if self.child.stdout.readline() != "ready\n":
            raise AssertionError(f"the crowd ended with {self.child.wait()}")

    def end(self):
        """How many processes it has started in all."""
        if self.started is None:
            out, _ = self.child.communicate(timeout=60)
            self.started = int(out.split()[0])
        return self.started

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.end()
        finally:
            self.child.kill()
            self.child.wait()


@contextlib.contextmanager
def cgroup(controller, limits):
    """A cgroup v1 with these limits, {file: value}; what is to be in it is started with `inside`."""
    live.need_root()
    top = f"/sys/fs/cgroup/{controller}"
    if not os.path.exists(f"{top}/cgroup.procs"):
        raise unittest.SkipTest(f"no {controller} controller of cgroup v1")
    path = tempfile.mkdtemp(prefix="attack.", dir=top)
    try:
        for name, value in limits.items():
            with contextlib.suppress(FileNotFoundError):  # memsw, where swap is not accounted
                write(f"{path}/{name}", value)
        yield path
    finally:
        live.wait_until(lambda: not read(f"{path}/cgroup.procs"), 20, f"{path} is empty")
        live.wait_until(lambda: removed(path), 10, f"{path} can be removed")


def removed(path):
    try:
        os.rmdir(path)
    except OSError:
        return False
    return True


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(value))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def inside(*cgroups):
    """A wrapper that starts a program in them."""
    enter = "; ".join(f"echo $$ >{path}/cgroup.procs" for path in cgroups)
    return ["sh", "-c", f'{enter}; exec "$@"', "sh"]


@contextlib.contextmanager
def memory_of_the_unit():
    """A wrapper that holds the daemon to the memory that the shipped unit gives it; the kernel kills
    it where it takes more. A sanitizer alone takes more."""
    if live.SANITIZED:
        yield []
        return
    with cgroup("memory", {"memory.limit_in_bytes": UNIT_MEMORY,
                           "memory.memsw.limit_in_bytes": UNIT_MEMORY}) as path:
        yield inside(path)


# --- what must be the same afterwards ------------------------------------------------------------


class State:
    """What a daemon holds at a moment."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        self.resident = int(status["VmRSS"].split()[0]) * 1024
        self.peak = int(status["VmHWM"].split()[0]) * 1024
        self.threads = int(status["Threads"])
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))

    def __str__(self):
        return (f"RSS {self.resident / MIB:.2f} MiB, {self.threads} threads, "
                f"{self.descriptors} descriptors")


def settled(daemon):
    """The state of a daemon whose HTTP threads have all worked at the same time, of which each keeps
    some 12 KiB of stack and what the allocator holds ready for it."""
    with contextlib.ExitStack() as scrapers:
        busy = [scrapers.enter_context(Scraper(daemon.port, 0)) for _ in range(50)]
        live.wait_until(lambda: sum(len(each.seconds) for each in busy) > 300, 60, "300 scrapes")
    daemon.settled_metrics()
    time.sleep(0.3)
    return State(daemon.pid)


def expect_as_before(test, daemon, before, seconds=15, more=MIB):
    """The daemon comes back to what it was: RSS within 1 MiB (`more`), no descriptor and no thread more. It
    is scraped meanwhile, as it would be. A sanitizer keeps freed memory, so there RSS is left out."""
    state = None

    def same():
        nonlocal state
        daemon.metrics()
        time.sleep(0.2)
        state = State(daemon.pid)
        return (state.descriptors <= before.descriptors and state.threads <= before.threads and
                (live.SANITIZED or state.resident <= before.resident + more))
    try:
        live.wait_until(same, seconds, "as before")
    except AssertionError:
        test.fail(f"before: {before}; {seconds} s after: {state}")
    return state


# --- scrapers ------------------------------------------------------------------------------------


def share(values, part):
    """The value that `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


class Meanwhile:
    """Runs _run() on a thread of its own while it is entered; it ends soon after `_over` is set."""

    def __init__(self):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop()

    def _stop(self):
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()


class Scraper(Meanwhile):
    """Scrapes as a Prometheus does, with a timeout, and keeps what came of it."""

    def __init__(self, port, every=1.0, timeout=10.0, path="/metrics", **headers):
        super().__init__()
        self.port, self.every, self.timeout, self.path = port, every, timeout, path
        self.headers = {"X_Prometheus_Scrape_Timeout_Seconds": str(timeout), **headers}
        self.seconds, self.lost, self.sizes = [], [], []

    def _run(self):
        due = time.monotonic()
        while not self._over.is_set():
            began = time.monotonic()
            try:
                reply = live.http_get(self.port, self.path, timeout=self.timeout, **self.headers)
                if reply.status != 200:
                    self.lost.append(f"status {reply.status}")
                self.sizes.append(len(reply.body))
            except (OSError, live.http.client.HTTPException) as failed:
                self.lost.append(repr(failed))
            self.seconds.append(time.monotonic() - began)
            due = max(due + self.every, time.monotonic())
            self._over.wait(due - time.monotonic())

    def end(self):
        self._stop()
        return self

    def figures(self):
        return {"scrapes": len(self.seconds), "lost": len(self.lost),
                "p50 ms": round(1000 * share(self.seconds, 0.5), 1),
                "p99 ms": round(1000 * share(self.seconds, 0.99), 1)}


def attack(test, name, daemon, act, seconds, every=0.5, timeout=10.0, forget=None):
    """Scrapes idle, then while `act` is entered, then compares with before. Every scrape must be
    answered within its timeout. `forget`: has the daemon let go of what it keeps on purpose."""
    before = settled(daemon)
    with Scraper(daemon.port, every, timeout) as idle:
        time.sleep(min(3.0, seconds / 2))
    with act(), Scraper(daemon.port, every, timeout) as during:
        time.sleep(seconds)
    test.assertIsNone(daemon.process.poll(), "the daemon has ended")
    peak = State(daemon.pid).peak
    if forget:
        forget()
    after = expect_as_before(test, daemon, before)
    report(name, **during.figures(), **{
        "idle p50 ms": idle.figures()["p50 ms"], "idle p99 ms": idle.figures()["p99 ms"],
        "RSS before MiB": round(before.resident / MIB, 2),
        "after": round(after.resident / MIB, 2), "peak": round(peak / MIB, 1),
        "threads": f"{before.threads}/{after.threads}",
        "descriptors": f"{before.descriptors}/{after.descriptors}"})
    test.assertEqual(during.lost, [])
    # The attack takes its part of the machine; beyond that a scrape waits for nobody.
    test.assertLess(share(during.seconds, 0.5), 1 + 5 * share(idle.seconds, 0.5))
    test.assertGreater(len(during.seconds), 0)
    return during


# --- clients that behave badly -------------------------------------------------------------------


class Clients(Meanwhile):
    """COUNT connections that a thread of their own looks after: `begin(socket)` once it is there,
    then `go_on(socket)` every `pause` seconds; one that was ended is replaced. Neither may block."""

    def __init__(self, port, count, begin, go_on, pause=0.2):
        super().__init__()
        self.port, self.count, self.begin, self.go_on, self.pause = port, count, begin, go_on, pause
        self.replaced = 0

    def _new(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(("127.0.0.1", self.port))
        return client

    def _run(self):
        clients = {self._new(): False for _ in range(self.count)}
        while not self._over.is_set():
            for client, begun in list(clients.items()):
                try:
                    (self.go_on if begun else self.begin)(client)
                    clients[client] = True
                except BlockingIOError:
                    continue
                except OSError:
                    client.close()
                    del clients[client]
                    clients[self._new()] = False
                    self.replaced += 1
            self._over.wait(self.pause)
        for client in clients:
            client.close()


def look_for_end(client):
    """Raises where the daemon has ended the connection."""
    with contextlib.suppress(BlockingIOError):
        if client.recv(4096) == b"":
            raise ConnectionResetError
