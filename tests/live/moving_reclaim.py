"""The overcommit settings, memory on its node, and what happens where there is too little."""

import contextlib
import os
import pathlib
import re
import tempfile

import live
import machine
from machine import MIB, Hog, MemoryCgroup, Setting, read
from moving import VM, Moves, look

NODE = "/sys/devices/system/node/node0/"


class Overcommit(Moves):
    def test_settings(self):
        kib = {name: int(read(VM + name)) for name in
               ("admin_reserve_kbytes", "user_reserve_kbytes", "min_free_kbytes")}
        for file, value, family, expected in (
                ("swappiness", 61, "swappiness", 61),
                ("max_map_count", 70001, "mappings_limit", 70001),
                ("mmap_min_addr", 16384, "mmap_min_address_bytes", 16384),
                ("admin_reserve_kbytes", kib["admin_reserve_kbytes"] + 1,
                 "overcommit_admin_reserve_bytes", (kib["admin_reserve_kbytes"] + 1) * 1024),
                ("user_reserve_kbytes", kib["user_reserve_kbytes"] + 1,
                 "overcommit_user_reserve_bytes", (kib["user_reserve_kbytes"] + 1) * 1024),
                ("min_free_kbytes", kib["min_free_kbytes"] + 4, "min_free_bytes",
                 (kib["min_free_kbytes"] + 4) * 1024)):
            self.assert_setting(VM + file, value, family, expected)
        self.assert_setting(VM + "overcommit_memory", 1, "overcommit_policy", 1, policy="always")
        self.assert_setting("/proc/sys/kernel/randomize_va_space", 1, "address_space_randomization",
                            1, mode="partial")

    def test_the_ratio_and_the_fixed_size_of_the_limit_exclude_each_other(self):
        before = look()
        # Writing one clears the other: the ratio is put back last.
        with Setting(VM + "overcommit_ratio", 51):
            ratio = look()
            with Setting(VM + "overcommit_kbytes", 123456):
                fixed = look()
        after = look()
        seen = [[metrics.value(f"memory_overcommit_{name}") for name in ("ratio", "fixed_bytes")]
                for metrics in (ratio, fixed)]
        self.assertEqual(seen, [[0.51, 0], [0, 123456 * 1024]])
        limits = [metrics.value("memory_overcommit_limit_bytes")
                  for metrics in (before, ratio, fixed)]
        self.assertGreater(limits[1], limits[0])
        self.assertLess(limits[2], limits[0])
        for name in ("ratio", "fixed_bytes"):
            self.assertEqual(after.value(f"memory_overcommit_{name}"),
                             before.value(f"memory_overcommit_{name}"))

    def test_a_promise_is_committed(self):
        hog = self.hog()
        before = look()
        self.assertEqual(hog.do("map", "a", 512 * MIB, "private"), "done")
        self.assert_rises(before, "overcommit_committed_bytes", by=500 * MIB)


class Numa(Moves):
    size = 64 * MIB
    node = {"numa_node": "0"}

    def setUp(self):
        if not os.path.exists(NODE):
            self.skipTest("this kernel shows no nodes")
        if os.path.exists("/sys/devices/system/node/node1"):
            self.skipTest("memory may come from another node")

    def rises(self, work, *names):
        """What `work` adds to figures of the node. Others use the machine too, and may give back as
        much meanwhile: the largest of several rounds, until all are there."""
        best = dict.fromkeys(names, 0)
        for _ in range(8):
            with Hog() as hog:
                before = look()
                work(hog)
                after = look()
            for name in names:
                family = f"memory_numa_{name}"
                best[name] = max(best[name], after.value(family, **self.node) -
                                 before.value(family, **self.node))
            if min(best.values()) > self.size * 0.9:
                break
        return best

    def test_memory_is_on_its_node(self):
        def lock(hog):
            self.filled(hog, "a", self.size, what="same")
            self.assertEqual(hog.do("lock", "a"), "done")
        private = self.rises(lambda hog: self.filled(hog, "a", self.size, what="same"),
                             "anon_pages_bytes")
        shared = self.rises(lambda hog: self.filled(hog, "a", self.size, "shared", "same"),
                            "shmem_bytes", "mapped_bytes", "file_pages_bytes")
        locked = self.rises(lock, "mlocked_bytes", "unevictable_bytes")
        for name, rise in (private | shared | locked).items():
            self.assertGreater(rise, self.size * 0.9, name)

    def test_allocations_are_counted(self):
        hog = self.hog()
        before = look()
        self.filled(hog, "a", self.size, what="same")
        pages = self.size // machine.PAGE * 0.9
        self.assert_rises(before, "numa_hit_total", "numa_local_node_total", by=pages, **self.node)
        self.assert_rises(before, "vmstat_pgfault_total", by=pages)

    def test_a_file_just_written_is_dirty(self):
        before = look()
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(os.urandom(self.size))
            file.flush()
            self.assert_rises(before, "numa_inactive_file_bytes", "numa_dirty_bytes",
                              by=self.size / 4, **self.node)

    def test_every_field_is_the_files(self):
        found = {}
        for _ in range(20):
            before, metrics, after = self.fields(), look(), self.fields()
            for field in before:
                value = metrics.value(f"memory_numa_{field}_bytes", **self.node)
                low, high = sorted((before[field], after[field]))
                found[field] = found.get(field) or (value is not None and low <= value <= high)
            if all(found.values()):
                break
        self.assertEqual([field for field, equal in found.items() if not equal], [])
        self.assertGreater(len(found), 25)

    @staticmethod
    def fields():
        """As collector meminfo names them."""
        names = {"SReclaimable": "slab_reclaimable", "SUnreclaim": "slab_unreclaimable",
                 "KReclaimable": "kernel_reclaimable", "SecPageTables": "secondary_page_tables",
                 "NFS_Unstable": "nfs_unstable"}
        fields = {}
        for name, kib in re.findall(r"^Node 0 (\S+): +(\d+) kB$", read(NODE + "meminfo"),
                                    re.MULTILINE):
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_",
                           name.replace("(", "_").replace(")", "")).lower()
            fields[names.get(name, snake)] = int(kib) * 1024
        return fields


class Reclaim(Moves):
    """Pages that reclaim looked at, took, and had to give back."""

    def test_a_cgroup_that_thrashes_feels_pressure(self):
        if not os.path.exists("/proc/pressure/memory"):
            self.skipTest("no pressure stall information (psi=1)")
        self.only_our_swap()
        self.enterContext(live.SwapFile(256))
        cgroup = self.enterContext(MemoryCgroup("moves"))
        hog = self.hog(cgroup)
        self.filled(hog, "a", 64 * MIB)
        before = look()
        cgroup.limit(cgroup.usage() - 32 * MIB)
        for _ in range(3):
            hog.do("touch", "a")
        self.assert_rises(before, "vmstat_pgscan_anon_total", "vmstat_pgsteal_anon_total", by=1000)
        self.assert_rises(before, "vmstat_workingset_refault_anon_total", by=1000)
        self.assert_rises(before, "pressure_waiting_seconds_total",
                          "pressure_stalled_seconds_total")

    def test_a_file_that_does_not_fit_is_read_again(self):
        cgroup = self.enterContext(MemoryCgroup("moves"))
        size = 64 * MIB
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(os.urandom(size))
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            hog = self.hog(cgroup)
            cgroup.limit(cgroup.usage() + size // 2)
            before = look()
            for _ in range(4):
                self.assertEqual(hog.do("read_file", file.name), "done")
            self.assert_rises(before, "vmstat_pgscan_file_total", "vmstat_pgsteal_file_total",
                              "vmstat_workingset_refault_file_total", by=1000)

    def test_reclaim_on_request(self):
        if not os.path.exists(NODE + "reclaim"):
            self.skipTest("no reclaim on request of a node (kernel before 6.17)")
        before = look()
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            file.write(os.urandom(32 * MIB))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(OSError):  # less was there than was asked for
                pathlib.Path(NODE + "reclaim").write_text("16M swappiness=0")
            self.assert_rises(before, "vmstat_pgscan_proactive_total",
                              "vmstat_pgsteal_proactive_total", by=10)
