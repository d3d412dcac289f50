"""What the tests that move the machine's figures have in common: one daemon with the collectors of
the system, whose every scrape is remembered, and assertions about what rises. Standard library
only."""

import atexit
import unittest

import live
from machine import Hog, Setting, read

COLLECTORS = ("cgroup", "hugepages", "ksm", "numa", "overcommit", "pressure", "swap", "vmstat")
THP = "/sys/kernel/mm/transparent_hugepage/"
VM = "/proc/sys/vm/"

NOT_RUN = set()  # names of tests that were skipped


class History:
    """Every value that a series has had in any scrape."""

    def __init__(self):
        self.scrapes = 0
        self.values = {}  # family: {labels: [value...]}

    def add(self, metrics):
        self.scrapes += 1
        for family in metrics.families.values():
            series = self.values.setdefault(family.name, {})
            for labels, value in family.samples:
                series.setdefault(tuple(labels.items()), []).append(value)

    def families(self):
        return {name for name, series in self.values.items()
                if series and not name.startswith(("memory_exporter_", "process_"))}

    def has_changed(self, family):
        return any(len(set(values)) > 1 for values in self.values[family].values())

    def has_come_or_gone(self, family):
        return any(len(values) < self.scrapes for values in self.values[family].values())


HISTORY = History()
_daemon = None


def daemon():
    """Started by the first who asks. It sees a debugfs, which zswap writes about itself into, and
    nobody else does."""
    global _daemon
    if _daemon is None:
        live.need_root()
        mount = 'mount -t debugfs debugfs /sys/kernel/debug; exec "$@"'
        _daemon = live.Daemon("--collector.disable-defaults", "--collector.cgroup.depth=1",
                              *(f"--collector.{name}" for name in COLLECTORS),
                              wrapper=("unshare", "--mount", "sh", "-c", mount, "sh"))
        atexit.register(_daemon.stop)
    return _daemon


def look():
    metrics = daemon().metrics()
    HISTORY.add(metrics)
    failed = [labels["collector"] for labels, value in
              metrics.values("memory_exporter_collector_success") if value != 1]
    assert not failed, f"{failed} failed: {daemon().log}"
    return metrics


class Moves(unittest.TestCase):
    def run(self, result=None):
        before = len(result.skipped)
        super().run(result)
        if len(result.skipped) > before:
            NOT_RUN.add(self.id().rpartition(".")[2])

    def assert_rises(self, before, *families, by=0, seconds=10, **labels):
        """The scrape in which all of them have risen; the kernel sums some up late."""
        def lowest(metrics):
            rises = {family: (metrics.value(f"memory_{family}", **labels) or 0) -
                             (before.value(f"memory_{family}", **labels) or 0)
                     for family in families}
            return min(rises.items(), key=lambda entry: entry[1])

        def risen():
            metrics = look()
            last.append(lowest(metrics))
            return metrics if last[-1][1] > by else None
        last = []
        try:
            return live.wait_until(risen, seconds, "")
        except AssertionError:
            self.fail(f"{last[-1][0]}{labels} rose by {last[-1][1]:.0f}, not by {by:.0f}")

    def assert_setting(self, path, value, family, expected, **labels):
        """With another value in the file, the metric has it, and without it what it had."""
        before = look().value(f"memory_{family}", **labels)
        with Setting(path, value):
            self.assertEqual(look().value(f"memory_{family}", **labels), expected, path)
        self.assertNotEqual(before, expected, f"{path} was {value} already")
        self.assertEqual(look().value(f"memory_{family}", **labels), before, f"{path} put back")

    def hog(self, cgroup=None):
        return self.enterContext(Hog(cgroup.folder if cgroup else None))

    def filled(self, hog, name, size, kind="private", what="pages"):
        self.assertEqual(hog.do("map", name, size, kind), "done")
        self.assertEqual(hog.do("fill", name, what), "done")

    def only_our_swap(self):
        if len(read("/proc/swaps").splitlines()) > 1:
            self.skipTest("there is swap here already, and it would be used instead")
