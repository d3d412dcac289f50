#!/usr/bin/env python3
"""A process whose executable lies on a server that is dead: nothing that the exporter asks of it may
wait for the server, neither in a scrape nor at the start nor at the end."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
import unittest

import live

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dead_server.py")
ALL = ("--collector.process_details", "--collector.limits", "--collector.mappings")


class DeadServer:
    """The filesystem and a process that runs its executable."""

    def __init__(self):
        self.server = live.FuseServer(SERVER, shutil.which("sleep"))
        self.folder = self.server.mount
        self.die, self.revive = self.server.die, self.server.revive
        self.process = subprocess.Popen([f"{self.folder}/program", "1000"])
        self.askers = []
        try:
            live.wait_until(self.runs, 10, "the program runs")
        except BaseException:
            self.__exit__()
            raise

    def runs(self):
        return os.readlink(f"/proc/{self.process.pid}/exe") == f"{self.folder}/program"

    def hangs(self):
        """Whether asking it makes one wait; the one who does is let go again at the end."""
        asker = subprocess.Popen(["stat", f"--cached=never", f"{self.folder}/program"],
                                 stdout=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            asker.wait(1)
            return False
        self.askers.append(asker)
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.revive()
        for child in (self.process, *self.askers):
            child.kill()
            child.wait()
        self.server.end()


@contextlib.contextmanager
def waited_for_no_longer(seconds, dead):
    """Revives the server when the time is up: who waits for a process that hangs on it waits for
    ever, and the mount stays behind."""
    timer = threading.Timer(seconds, dead.revive)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


class HungExecutable(unittest.TestCase):
    def setUp(self):
        self.dead = self.enterContext(DeadServer())
        self.enterContext(waited_for_no_longer(120, self.dead))
        status = f"/proc/{self.dead.process.pid}/status"
        live.wait_until(lambda: live.read_keyed(status).get("VmSize", 0) > 1 << 20, 10,
                        "the program is up")

    def expect_everybody(self, metrics):
        """All processes are there, the one with the dead server too."""
        failed = metrics.values("memory_exporter_collector_success")
        self.assertEqual([labels for labels, ok in failed if ok != 1], [])
        self.assertEqual(metrics.value("memory_group_processes", name="program"), 1)
        self.assertGreater(metrics.sum("memory_group_processes"), 1)
        status = live.read_keyed(f"/proc/{self.dead.process.pid}/status")
        self.assertEqual(metrics.value("memory_group_virtual_bytes", name="program"),
                         status["VmSize"])

    def test_scrapes_go_on_when_the_server_dies(self):
        with live.Daemon(*ALL) as daemon:
            self.expect_everybody(daemon.metrics())
            self.dead.die()
            self.assertTrue(self.dead.hangs())
            for _ in range(3):
                began = time.monotonic()
                self.expect_everybody(daemon.metrics())
                self.assertLess(time.monotonic() - began, 5)

    def test_the_daemon_starts_measures_and_ends_while_the_server_is_dead(self):
        self.dead.die()
        self.assertTrue(self.dead.hangs())
        with live.Daemon(*ALL) as daemon:
            metrics = daemon.settled_metrics()
            self.expect_everybody(metrics)
            rollup = live.read_keyed(f"/proc/{self.dead.process.pid}/smaps_rollup")
            self.assertEqual(metrics.value("memory_group_pss_bytes", name="program", kind="anon"),
                             rollup["Pss_Anon"])

            def has_regions():
                return daemon.metrics().value("memory_group_region_mappings", name="program",
                                              region="text")
            live.wait_until(has_regions, 30, "its mappings are read")

    def test_once_ends_while_the_server_is_dead(self):
        self.dead.die()
        code, text, errors = live.run_daemon("--once", *ALL)
        self.assertEqual(code, 0, errors)
        self.expect_everybody(live.Exposition(text))


if __name__ == "__main__":
    live.main()
