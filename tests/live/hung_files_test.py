#!/usr/bin/env python3
"""A file in the trees lies on a server that is dead: what it would tell is absent, everything else
is served in time, and the log says when it began and when it was over."""

import contextlib
import os
import tempfile
import time
import unittest

import live

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dead_server.py")
HANGS = "a collector is not done by the deadline"
BACK = "a collector that hung is back"


class Tree:
    """A sysfs with a hierarchy of cgroups, one file of which is behind a server that may die."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hung_files.")
        self.path = os.path.join(self.folder.name, "sys")
        cgroups = os.path.join(self.path, "fs/cgroup")
        os.makedirs(cgroups)
        controllers = os.path.join(self.folder.name, "controllers")
        for path, text in ((controllers, "memory\n"),
                           (os.path.join(cgroups, "memory.stat"), "anon 4096\n")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        try:
            self.server = live.FuseServer(SERVER, controllers)
        except unittest.SkipTest:
            self.folder.cleanup()
            raise
        self.die, self.revive = self.server.die, self.server.revive
        os.symlink(os.path.join(self.server.mount, "program"),
                   os.path.join(cgroups, "cgroup.controllers"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.revive()
        time.sleep(0.2)
        self.server.end()
        self.folder.cleanup()


class HungFiles(unittest.TestCase):
    def setUp(self):
        self.tree = self.enterContext(Tree())

    @contextlib.contextmanager
    def daemon(self):
        """One whose end finds a living server: a thread that hangs in the kernel keeps its process,
        and whoever waits for that."""
        with live.Daemon(f"--path.sysfs={self.tree.path}", "--scrape.timeout=4s") as daemon:
            try:
                yield daemon
            finally:
                self.tree.revive()

    def expect_all_but_the_cgroups(self, daemon):
        began = time.monotonic()
        metrics = daemon.metrics()
        self.assertLess(time.monotonic() - began, 4)
        success = {labels["collector"]: ok for labels, ok in
                   metrics.values("memory_exporter_collector_success")}
        self.assertEqual(success.pop("cgroup"), 0)
        self.assertEqual({name for name, ok in success.items() if ok != 1}, set())
        self.assertGreater(metrics.sum("memory_group_processes"), 1)
        self.assertGreater(metrics.value("memory_exporter_collector_timeouts_total",
                                         collector="cgroup"), 0)
        self.assertEqual(daemon.get("/-/healthy").status, 200)

    def expect_it_back(self, daemon):
        def is_back():
            metrics = daemon.metrics()
            return metrics.value("memory_exporter_collector_success", collector="cgroup") == 1
        live.wait_until(is_back, 20, "the cgroups are back")
        self.assertEqual(daemon.log.count(HANGS), 1, daemon.log)
        self.assertEqual(daemon.log.count(BACK), 1, daemon.log)

    def test_a_server_that_dies_and_comes_back(self):
        with self.daemon() as daemon:
            metrics = daemon.metrics()
            self.assertEqual(
                metrics.value("memory_exporter_collector_success", collector="cgroup"), 1)
            self.tree.die()
            for _ in range(3):
                self.expect_all_but_the_cgroups(daemon)
            self.tree.revive()
            self.expect_it_back(daemon)

    def test_a_start_while_it_is_dead(self):
        self.tree.die()
        with self.daemon() as daemon:
            self.assertIn("a file in the trees hangs", daemon.log)
            for _ in range(2):
                self.expect_all_but_the_cgroups(daemon)
            self.tree.revive()
            self.expect_it_back(daemon)


if __name__ == "__main__":
    live.main()
