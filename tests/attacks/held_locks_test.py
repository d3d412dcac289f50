"""Processes that hold their own mmap_lock for writing for as long as they like: a mmap of a file whose
server does not answer is enough, and every read of such a process's memory hangs in the kernel."""

import contextlib
import os
import subprocess
import sys
import time
import unittest

from attack import FULL, Scraper, State, live, report, settled

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "silent_file.py")
HOLDERS = 12 if FULL else 5

# Maps the file when told to, past the page cache: the kernel waits for the page that a reader of the
# file waits for, and holds the lock meanwhile.
HOLDER = """
import mmap, os, sys
open("/proc/self/comm", "w").write("holder")
print("ready", flush=True)
sys.stdin.read(1)
file = os.open(sys.argv[1], os.O_RDWR | os.O_APPEND)
mmap.mmap(file, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
print("mapped", flush=True)
sys.stdin.read()
"""


class SilentFile:
    """The file, its server and the reader that waits for its first page."""

    def __init__(self):
        self.server = live.FuseServer(SERVER, stdin=subprocess.PIPE)
        self.path = f"{self.server.mount}/file"
        self.reader = subprocess.Popen(["head", "-c", "1", self.path], stdout=subprocess.DEVNULL)
        time.sleep(0.3)

    def answer(self):
        with contextlib.suppress(BrokenPipeError):
            self.server.process.stdin.close()

    def end(self):
        self.answer()
        self.reader.wait(10)
        self.server.end()


class HeldLocks(unittest.TestCase):
    def setUp(self):
        self.file = SilentFile()
        self.addCleanup(self.file.end)
        self.holders = [subprocess.Popen([sys.executable, "-c", HOLDER, self.file.path],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                        for _ in range(HOLDERS)]
        self.addCleanup(self.end_holders)
        for holder in self.holders:
            self.assertEqual(holder.stdout.readline(), b"ready\n")

    def end_holders(self):
        self.file.answer()
        for holder in self.holders:
            holder.kill()
            holder.communicate()

    def hold(self):
        for holder in self.holders:
            holder.stdin.write(b"x")
            holder.stdin.flush()
        live.wait_until(lambda: all(self.sleeps_in_mmap(holder.pid) for holder in self.holders), 10,
                        "all wait in mmap")

    @staticmethod
    def sleeps_in_mmap(pid):
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"D"

    def expect_stuck(self, daemon, count):
        def stuck():
            metrics = daemon.metrics()
            return metrics if metrics.value("memory_exporter_processes", state="stuck") == count \
                and metrics.value("memory_exporter_processes", state="pending") == 0 else None
        return live.wait_until(stuck, 30, f"{count} are stuck and nobody is pending")

    def test_they_alone_are_not_measured(self):
        # The holders stand still, so that each is found out when its sample comes of age and not before.
        with live.Daemon("--pss.max-age=10s") as daemon:
            before = settled(daemon)
            self.hold()
            with Scraper(daemon.port, 0.2) as scraper:
                metrics = self.expect_stuck(daemon, HOLDERS)
                self.assertIsNone(metrics.value("memory_group_pss_bytes", name="holder", kind="anon"))
                self.assertGreater(metrics.sum("memory_group_unmeasured_resident_bytes",
                                               name="holder", reason="stuck"), 1 << 20)
                with live.Population("private:2:4:newcomer") as newcomers:
                    truth = sum(process["pss"] for process in newcomers.processes)
                    live.wait_until(lambda: (daemon.metrics().sum(
                        "memory_group_pss_bytes", name="newcomer") or 0) >= truth, 30,
                                    "who comes meanwhile is measured")
                time.sleep(20 if FULL else 2)
            during = State(daemon.pid)
            self.file.answer()
            self.expect_stuck(daemon, 0)
            live.wait_until(lambda: State(daemon.pid).threads <= before.threads, 10,
                            "threads as before")
            after = State(daemon.pid)
        report(f"{HOLDERS} held locks", **scraper.figures(),
               threads=f"{before.threads}/{during.threads}/{after.threads}",
               descriptors=f"{before.descriptors}/{during.descriptors}/{after.descriptors}")
        self.assertEqual(scraper.lost, [])
        self.assertLessEqual(during.threads, before.threads + 32)
        self.assertLessEqual(after.descriptors, before.descriptors)

    def test_the_daemon_starts_and_ends_beside_them(self):
        self.hold()
        with live.Daemon() as daemon:
            self.expect_stuck(daemon, HOLDERS)
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 3)


if __name__ == "__main__":
    live.main()
