"""The memory controller of cgroup v1, under the names of v2."""

import os
import tempfile

import live
import machine
from machine import MIB, MemoryCgroup, Setting
from moving import THP, Moves, look


class CgroupV1(Moves):
    size = 32 * MIB

    def setUp(self):
        self.cgroup = self.enterContext(MemoryCgroup("moves"))
        if not self.cgroup.v1:
            self.skipTest("no cgroup v1 here: see cgroup_v2_test.py")
        self.labels = {"cgroup": self.cgroup.path}

    def figure(self, metrics, name, **labels):
        return metrics.value(f"memory_cgroup_{name}", **self.labels, **labels)

    def assert_is(self, name, file, **labels):
        """The metric is the file's number, as soon as the kernel has summed it up."""
        def equal():
            before = self.cgroup.read(file)
            value = self.figure(look(), name, **labels)
            return value == int(before) or None
        live.wait_until(equal, 10, f"memory_cgroup_{name} is {file}")

    def test_limits_are_there_where_they_are_set(self):
        files = {"max_bytes": "memory.limit_in_bytes",
                 "soft_limit_bytes": "memory.soft_limit_in_bytes",
                 "memsw_max_bytes": "memory.memsw.limit_in_bytes"}
        self.assertEqual([self.figure(look(), name) for name in files], [None] * 3)
        for number, (name, file) in enumerate(files.items()):
            self.cgroup.write(file, (64 + number) * MIB)
        self.assertEqual([self.figure(look(), name) for name in files],
                         [64 * MIB, 65 * MIB, 66 * MIB])

    def test_what_is_charged(self):
        hog = self.hog(self.cgroup)
        before = look()
        self.filled(hog, "a", self.size)
        self.assert_rises(before, "cgroup_current_bytes", "cgroup_peak_bytes",
                          "cgroup_memsw_current_bytes", "cgroup_memsw_peak_bytes",
                          "cgroup_stat_anon_bytes", by=self.size * 0.9, **self.labels)
        self.assert_rises(before, "cgroup_stat_pgfault_total", by=self.size // machine.PAGE * 0.9,
                          **self.labels)
        self.filled(hog, "s", self.size, kind="shared", what="same")
        self.assert_rises(before, "cgroup_stat_shmem_bytes", "cgroup_stat_file_bytes",
                          "cgroup_stat_file_mapped_bytes", by=self.size * 0.9, **self.labels)
        hog.do("lock", "a")
        self.assert_rises(before, "cgroup_stat_unevictable_bytes", by=self.size * 0.9,
                          **self.labels)
        for name, file in (("current_bytes", "memory.usage_in_bytes"),
                           ("peak_bytes", "memory.max_usage_in_bytes"),
                           ("memsw_current_bytes", "memory.memsw.usage_in_bytes"),
                           ("memsw_peak_bytes", "memory.memsw.max_usage_in_bytes"),
                           ("stat_kernel_bytes", "memory.kmem.usage_in_bytes")):
            self.assert_is(name, file)

    def test_memory_stat_field_by_field(self):
        fields = {"total_rss": "anon_bytes", "total_cache": "file_bytes",
                  "total_shmem": "shmem_bytes", "total_mapped_file": "file_mapped_bytes",
                  "total_dirty": "file_dirty_bytes", "total_writeback": "file_writeback_bytes",
                  "total_swapcached": "swapcached_bytes", "total_rss_huge": "anon_thp_bytes",
                  "total_inactive_anon": "inactive_anon_bytes",
                  "total_active_anon": "active_anon_bytes",
                  "total_inactive_file": "inactive_file_bytes",
                  "total_active_file": "active_file_bytes",
                  "total_unevictable": "unevictable_bytes", "total_pgfault": "pgfault_total",
                  "total_pgmajfault": "pgmajfault_total",
                  "total_workingset_refault_anon": "workingset_refault_anon_total",
                  "total_workingset_refault_file": "workingset_refault_file_total"}
        hog = self.hog(self.cgroup)
        self.filled(hog, "a", self.size)

        def equal():
            found = dict(line.split() for line in self.cgroup.read("memory.stat").splitlines())
            metrics = look()
            different.clear()
            different.update({field: (found[field], self.figure(metrics, f"stat_{name}"))
                              for field, name in fields.items() if field in found and
                              self.figure(metrics, f"stat_{name}") != int(found[field])})
            return not different
        different = {}
        try:
            live.wait_until(equal, 10, "")
        except AssertionError:
            self.fail(f"memory.stat's and ours: {different}")

    def test_a_huge_page(self):
        self.enterContext(Setting(THP + "enabled", "madvise"))
        hog = self.hog(self.cgroup)
        before = look()
        self.filled(hog, "a", self.size, kind="huge", what="same")
        self.assert_rises(before, "cgroup_stat_anon_thp_bytes", by=self.size / 2, **self.labels)

    def test_a_file_just_written_is_dirty_and_read_again_it_is_active(self):
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(bytes(self.size))
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            hog = self.hog(self.cgroup)
            before = look()
            self.assertEqual(hog.do("map_file", "f", file.name), "done")
            hog.do("touch", "f")
            self.assert_rises(before, "cgroup_stat_inactive_file_bytes", by=self.size / 2,
                              **self.labels)
            self.assert_rises(before, "cgroup_stat_pgmajfault_total", **self.labels)
            hog.do("fill", "f", "pages")
            self.assert_rises(before, "cgroup_stat_file_dirty_bytes", by=self.size / 2,
                              **self.labels)

    def test_a_limit_pushes_out_and_counts(self):
        self.only_our_swap()
        self.enterContext(live.SwapFile(128))
        hog = self.hog(self.cgroup)
        self.filled(hog, "a", self.size)
        before = look()
        self.cgroup.write("memory.limit_in_bytes", self.cgroup.usage() - self.size // 2)
        hog.do("touch", "a")
        self.assert_rises(before, "cgroup_swap_current_bytes", by=self.size / 4, **self.labels)
        self.assert_rises(before, "cgroup_stat_workingset_refault_anon_total",
                          "cgroup_stat_swapcached_bytes", **self.labels)
        self.assert_rises(before, "cgroup_events_total", event="max", **self.labels)
        self.cgroup.write("memory.memsw.limit_in_bytes",
                          int(self.cgroup.read("memory.memsw.usage_in_bytes")) + MIB)
        self.assertEqual(hog.do("map", "b", 8 * MIB, "private"), "done")
        self.cgroup.write("memory.oom_control", 1)
        self.assertEqual(self.figure(look(), "oom_kill_disabled"), 1)
        # It waits until somebody helps.
        hog.child.stdin.write("fill b same\n")
        hog.child.stdin.flush()
        self.assert_rises(before, "cgroup_under_oom", **self.labels)
        kills = look()
        self.cgroup.write("memory.oom_control", 0)
        self.assert_rises(kills, "cgroup_events_total", event="oom_kill", **self.labels)
        self.assert_rises(kills, "vmstat_oom_kill_total")
        hog.child.wait(timeout=20)
        self.assertEqual(self.figure(look(), "under_oom"), 0)

    def test_a_file_that_does_not_fit_comes_back(self):
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(os.urandom(self.size))
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            hog = self.hog(self.cgroup)
            self.cgroup.limit(self.cgroup.usage() + self.size // 2)
            before = look()
            for _ in range(4):
                self.assertEqual(hog.do("read_file", file.name), "done")
            self.assert_rises(before, "cgroup_stat_workingset_refault_file_total", by=100,
                              **self.labels)
