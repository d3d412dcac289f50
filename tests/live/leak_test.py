"""Five hundred scrapes while processes come and go leave no descriptor open and no thread behind."""

import contextlib
import os
import re
import subprocess
import threading
import unittest

import live

SCRAPES = 500
PROCESSES = 400
OF_A_PROCESS = re.compile(r"/proc/\d+(/|$)")


class Churn:
    """Short-lived processes, some of which are gone while they are being read."""

    def __init__(self):
        self.over = threading.Event()
        self.started = 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.is_set():
            children = [subprocess.Popen(["sleep", "0.01"]) for _ in range(2)]
            self.started += len(children)
            for child in children:
                child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def open_descriptors(daemon):
    """What a daemon at rest has open. A walk that ran out of its budget goes on in the next scrape
    and keeps its file until then: one that never lets go is as much a leak as any. The first giant
    that the machine has opens the one file that is kept."""
    def at_rest():
        daemon.metrics()
        paths = []
        for fd in os.listdir(f"/proc/{daemon.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                paths.append(os.readlink(f"/proc/{daemon.pid}/fd/{fd}").split(":")[0])
        if any(OF_A_PROCESS.match(path) for path in paths):
            return None
        return sorted(path for path in paths if path != "/proc/kpagecount")
    return live.wait_until(at_rest, 30, "no file of a process is open")


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


class LeakTest(unittest.TestCase):
    def test_scrapes_leave_no_descriptor_and_no_thread_behind(self):
        with live.Daemon() as daemon:
            before, threads_before = open_descriptors(daemon), threads(daemon.pid)
            with Churn() as churn:
                scrapes = 0
                while scrapes < SCRAPES or churn.started < PROCESSES:
                    self.assertEqual(daemon.get("/metrics").status, 200)
                    scrapes += 1
            # The last connection may still be closing.
            live.wait_until(lambda: open_descriptors(daemon) == before, 5,
                            f"the same descriptors as before: {before}")
            self.assertEqual(threads(daemon.pid), threads_before)


if __name__ == "__main__":
    live.main()
