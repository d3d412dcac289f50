"""Cgroups that come and go while they are read, and far more of them than are shown."""

import os
import tempfile
import time
import unittest

from attack import FULL, Meanwhile, attack, live

MEMORY = "/sys/fs/cgroup/memory"
RATE = 200
MANY = 5000 if FULL else 1500


class Cgroups(Meanwhile):
    """Below one of its own; RATE a second are made, and removed 50 later. Ends with none left."""

    def __init__(self):
        super().__init__()
        live.need_root()
        if not os.path.exists(f"{MEMORY}/cgroup.procs"):
            raise unittest.SkipTest("no memory controller of cgroup v1")
        self.top = tempfile.mkdtemp(prefix="attack.", dir=MEMORY)
        self.living, self.made = [], 0

    def make(self, count):
        for _ in range(count):
            path = f"{self.top}/c{self.made}"
            os.mkdir(path)
            self.living.append(path)
            self.made += 1

    def _run(self):
        while not self._over.wait(1 / RATE):
            self.make(1)
            if len(self.living) > 50:
                os.rmdir(self.living.pop(0))

    def __exit__(self, *_):
        self._stop()
        self.remove()

    def remove(self):
        for path in self.living:
            os.rmdir(path)
        self.living.clear()

    def end(self):
        self.remove()
        os.rmdir(self.top)


class CgroupChurn(unittest.TestCase):
    def setUp(self):
        self.cgroups = Cgroups()
        self.addCleanup(self.cgroups.end)

    def test_scrapes_go_on_while_cgroups_come_and_go(self):
        with live.Daemon() as daemon:
            attack(self, f"{RATE} cgroups a second", daemon, lambda: self.cgroups,
                   20 if FULL else 5)
            failed = daemon.metrics().values("memory_exporter_collector_success")
            self.assertEqual([labels for labels, value in failed if value != 1], [])
        self.assertGreater(self.cgroups.made, 50)

    def test_a_short_deadline_is_kept_with_thousands_and_the_rest_is_counted(self):
        with live.Daemon() as daemon:
            own = len(daemon.metrics().values("memory_cgroup_current_bytes"))
            self.cgroups.make(MANY)
            metrics = daemon.metrics()
            shown = len(metrics.values("memory_cgroup_current_bytes"))
            self.assertLessEqual(shown, 1000)
            self.assertGreaterEqual(metrics.value("memory_exporter_cgroups_left_out"), MANY + own - 1001)
            began = time.monotonic()
            reply = daemon.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.4")
            self.assertEqual(reply.status, 200)
            # Far below the time that it would take on a machine with nothing to spare.
            self.assertLess(time.monotonic() - began, 5 if not FULL else 1)


if __name__ == "__main__":
    live.main()
