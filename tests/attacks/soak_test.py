"""A long churn of processes and clients, at ten scrapes a second: what the daemon holds stays flat, no
counter falls, and the sum of PSS stays as far from an independent one as it was.

MEMORY_EXPORTER_SOAK has the seconds; 1,200 where it says nothing, which makes 12,000 scrapes."""

import contextlib
import os
import random
import re
import signal
import socket
import statistics
import time
import unittest

from attack import MIB, Crowd, State, live, report, settled

SECONDS = float(os.environ.get("MEMORY_EXPORTER_SOAK", "1200"))
SCRAPES_A_SECOND = 10
COUNTER = re.compile(rb"^(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)


def counters_of(body, names):
    """{series: value} of the families that may not fall."""
    return {series: float(value) for series, value in COUNTER.findall(body)
            if series.partition(b"{")[0] in names}


def counter_names(text):
    """The names of samples that count, as the families' TYPE says."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        if kind == "counter":
            names.add(name.encode())
        elif kind in ("histogram", "summary"):
            names.update(f"{name}_{part}".encode() for part in ("bucket", "count", "sum"))
    return names


def summed_pss():
    """Over all processes of this pid namespace, by smaps_rollup; what is gone meanwhile is 0."""
    total = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/smaps_rollup", "rb") as file:
                found = re.search(rb"^Pss:\s+(\d+) kB$", file.read(), re.MULTILINE)
                total += int(found[1]) * 1024 if found else 0
    return total


class Oddities:
    """Now and then, what the real world does besides: a client that leaves, a request that is none, a
    reload."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.random = random.Random(1)

    def some(self):
        kind = self.random.randrange(4)
        if kind == 0:
            os.kill(self.daemon.pid, signal.SIGHUP)
            return
        request = (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metr", b"\x16\x03\x01\r\n\r\n")
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.daemon.port), timeout=5) as client:
            client.sendall(request[kind - 1])


class Soak(unittest.TestCase):
    def setUp(self):
        self.errors = []   # (part of the whole time, error of the summed PSS)
        self.states = []   # (part of the whole time, State)
        self.counters = {}
        self.fell = []
        self.scrapes = 0
        self.late = 0

    def scrape(self, daemon):
        began = time.monotonic()
        reply = daemon.get("/metrics")
        self.assertEqual(reply.status, 200)
        self.scrapes += 1
        self.late += time.monotonic() - began > 10
        counters = counters_of(reply.body, self.names)
        self.fell += [(series, self.counters[series], value) for series, value in counters.items()
                      if value < self.counters.get(series, value)]
        self.counters = counters
        return reply

    def look(self, daemon, part):
        """Once a second: what it holds, and how wrong the sum is. The truth moves while both are
        read, so it is read before and after."""
        self.states.append((part, State(daemon.pid)))
        truth = summed_pss()
        metrics = live.Exposition(self.scrape(daemon).text)
        truth = (truth + summed_pss()) / 2
        measured = metrics.sum("memory_group_pss_bytes") or 0
        unmeasured = metrics.sum("memory_group_unmeasured_resident_bytes") or 0
        self.errors.append((part, (measured - truth) / truth, unmeasured / truth))

    def run_for(self, seconds, daemon):
        oddities = Oddities(daemon)
        began = due = next_look = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if time.monotonic() >= next_look:
                next_look = max(next_look + 1, time.monotonic())
                self.look(daemon, passed / seconds)
                oddities.some()
            else:
                self.scrape(daemon)
            due = max(due + 1 / SCRAPES_A_SECOND, time.monotonic() - 5)
            time.sleep(max(0.0, due - time.monotonic()))

    def test_nothing_grows_falls_or_drifts(self):
        with live.Population("private:10:8:still", "cow:4:8:copies", "changing:2:8:moving"), \
                live.Daemon() as daemon:
            settled(daemon)
            self.names = counter_names(daemon.get("/metrics").text)
            with Crowd("churn", 60, 2000) as crowd:
                self.run_for(SECONDS, daemon)
                self.check(crowd.end())

    def quarter(self, samples, number):
        chosen = [sample for part, *sample in samples if number <= 4 * part <= number + 1]
        self.assertGreater(len(chosen), 0)
        return chosen

    def check(self, started):
        second, last = (self.quarter(self.states, number) for number in (1, 3))
        resident = [statistics.median(state.resident for state, in states)
                    for states in (second, last)]
        error, error_last = (statistics.fmean(error for error, _ in self.quarter(self.errors, number))
                             for number in (1, 3))
        threads, descriptors = ([max(getattr(state, name) for state, in states)
                                 for states in (second, last)] for name in ("threads", "descriptors"))
        report("soak", seconds=SECONDS, scrapes=self.scrapes, late=self.late, processes=started,
               **{"RSS of the second quarter MiB": round(resident[0] / MIB, 3),
                  "of the last": round(resident[1] / MIB, 3),
                  "threads": threads, "descriptors": descriptors,
                  "counters": len(self.counters), "counters that fell": len(self.fell),
                  "error of the summed PSS": f"{error:+.3%}", "in the last quarter": f"{error_last:+.3%}",
                  "largest": f"{max(abs(error) for _, error, _ in self.errors):.2%}",
                  "unmeasured": f"{statistics.fmean(part for *_, part in self.errors):.2%}"})
        self.assertEqual(self.fell[:5], [])
        self.assertGreater(len(self.counters), 50)
        self.assertEqual(self.late, 0)
        if not live.SANITIZED:
            self.assertLess(abs(resident[1] - resident[0]), 0.02 * resident[0])
        self.assertLessEqual(threads[1], threads[0])
        self.assertLessEqual(descriptors[1], descriptors[0])
        self.assertLess(abs(error_last - error), 0.01)


if __name__ == "__main__":
    live.in_own_pid_namespace()
    live.main()
