"""Pages that are more or less than one: merged by KSM, huge from the pool, transparently huge."""

import os
import pathlib

import live
import machine
from machine import MIB, Hog, MemoryCgroup, Setting, read
from moving import THP, Moves, look

KSM = "/sys/kernel/mm/ksm/"
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/"


class Ksm(Moves):
    def setUp(self):
        if not os.path.exists(KSM):
            self.skipTest("this kernel has no KSM")
        if int(read(KSM + "run")) == 1:
            self.skipTest("KSM is in use here")

    def test_settings(self):
        for file, value, family, expected in (
                ("pages_to_scan", 123, "ksm_pages_to_scan", 123),
                ("sleep_millisecs", 30, "ksm_sleep_seconds", 0.03),
                ("max_page_sharing", 128, "ksm_max_page_sharing", 128),
                ("merge_across_nodes", 0, "ksm_merge_across_nodes", 0),
                ("use_zero_pages", 1, "ksm_use_zero_pages", 1),
                ("smart_scan", 0, "ksm_smart_scan", 0)):
            if os.path.exists(KSM + file):
                self.assert_setting(KSM + file, value, family, expected)
        if os.path.exists(KSM + "advisor_mode"):
            with Setting(KSM + "pages_to_scan", 100):  # the advisor sets it too
                self.assert_setting(KSM + "advisor_mode", "scan-time", "ksm_advisor", 1,
                                    mode="scan-time")

    def test_merging(self):
        hog = self.hog()
        equal = 16 * MIB
        self.filled(hog, "equal", equal, what="same")
        self.filled(hog, "own", 4 * MIB)
        self.filled(hog, "zeros", 4 * MIB, what="zeros")
        before = look()
        for name in ("equal", "own", "zeros"):
            self.assertEqual(hog.do("mergeable", name), "done")
        self.enterContext(Setting(KSM + "use_zero_pages", 1))
        self.enterContext(Setting(KSM + "pages_to_scan", 20000))
        self.enterContext(Setting(KSM + "sleep_millisecs", 10))
        self.addCleanup(lambda: pathlib.Path(KSM, "run").write_text("0"))
        pathlib.Path(KSM, "run").write_text("1")
        self.assertEqual(look().value("memory_ksm_run", state="running"), 1)
        pages = equal // machine.PAGE
        self.assert_rises(before, "ksm_pages_sharing", by=pages * 0.9, seconds=30)
        self.assert_rises(before, "ksm_pages_shared", by=pages // 256 - 1)
        self.assert_rises(before, "ksm_stable_node_dups", by=1)
        self.assert_rises(before, "ksm_stable_node_chains", "ksm_full_scans_total")
        self.assert_rises(before, "ksm_pages_scanned_total", by=pages)
        self.assert_rises(before, "ksm_pages_unshared", by=500, seconds=20)
        self.assert_rises(before, "ksm_general_profit_bytes", by=equal // 2)
        if before.value("memory_ksm_zero_pages") is not None:
            self.assert_rises(before, "ksm_zero_pages", by=900)
        if before.value("memory_ksm_pages_skipped_total") is not None:
            self.assert_rises(before, "ksm_pages_skipped_total", seconds=30)

        # A page that is never the same twice is volatile.
        def changing():
            hog.do("fill", "own", "random")
            return look().value("memory_ksm_pages_volatile") > 0
        live.wait_until(changing, 20, "volatile pages")
        pathlib.Path(KSM, "run").write_text("2")
        parted = look()
        self.assertEqual(parted.value("memory_ksm_run", state="unmerging"), 1)
        self.assertEqual(parted.value("memory_ksm_pages_sharing"), 0)


class HugetlbPool(Moves):
    def pool(self, metrics, family="pool_pages", **labels):
        return {entry["state"]: value for entry, value in
                metrics.values(f"memory_hugepages_{family}", size="2048kB", **labels)}

    def test_reserved_used_and_surplus_pages(self):
        if not os.path.exists(POOL):
            self.skipTest("no hugetlb pages of 2 MiB")
        if int(read(POOL + "nr_hugepages")) != 0:
            self.skipTest("the pool is in use here")
        self.enterContext(Setting(POOL + "nr_hugepages", 4))
        if int(read(POOL + "nr_hugepages")) != 4:
            self.skipTest("no four huge pages to be had")
        self.enterContext(Setting(POOL + "nr_overcommit_hugepages", 2))
        states = []
        hog = self.hog()

        def now():
            metrics = look()
            states.append(self.pool(metrics))
            node = self.pool(metrics, "node_pool_pages", numa_node="0")
            if not os.path.exists("/sys/devices/system/node/node1"):
                self.assertEqual(node, {name: states[-1][name] for name in node})
            for state, file in (("total", "nr"), ("free", "free"), ("reserved", "resv"),
                                ("surplus", "surplus")):
                self.assertEqual(states[-1][state], int(read(f"{POOL}{file}_hugepages")))
            return metrics
        metrics = now()
        self.assertEqual(metrics.value("memory_hugepages_pool_overcommit_pages", size="2048kB"), 2)
        self.assertEqual(hog.do("map", "a", 6 * MIB, "hugetlb"), "done")
        now()
        hog.do("fill", "a", "same")
        now()
        self.assertEqual(hog.do("map", "b", 6 * MIB, "hugetlb"), "done")
        hog.do("fill", "b", "same")
        now()
        keys = ("total", "free", "reserved", "surplus")
        self.assertEqual([tuple(state[key] for key in keys) for state in states],
                         [(4, 4, 0, 0), (4, 4, 3, 0), (4, 1, 0, 0), (6, 0, 0, 2)])


class TransparentHugePages(Moves):
    size = 16 * MIB

    def setUp(self):
        if not os.path.exists(THP):
            self.skipTest("this kernel has no transparent huge pages")

    def other_mode(self, path):
        """One that the file offers and that is not in force."""
        modes = read(path).split()
        return next(mode for mode in ("madvise", "advise", "defer", "always") if mode in modes)

    def test_modes(self):
        for name in ("enabled", "defrag", "shmem_enabled"):
            mode = self.other_mode(THP + name)
            self.assert_setting(THP + name, mode, f"hugepages_thp_{name}", 1, mode=mode)
        for name in ("enabled", "shmem_enabled"):
            path = f"{THP}hugepages-64kB/{name}"
            if os.path.exists(path):
                mode = self.other_mode(path)
                self.assert_setting(path, mode, f"hugepages_mthp_{name}", 1, mode=mode,
                                    size="64kB")

    def test_settings(self):
        for file, value, family, expected in (
                ("use_zero_page", 0, "thp_use_zero_page", 0),
                ("shrink_underused", 0, "thp_shrink_underused", 0),
                ("khugepaged/defrag", 0, "khugepaged_defrag", 0),
                ("khugepaged/pages_to_scan", 4321, "khugepaged_pages_to_scan", 4321),
                ("khugepaged/scan_sleep_millisecs", 9000, "khugepaged_scan_sleep_seconds", 9),
                ("khugepaged/alloc_sleep_millisecs", 59000, "khugepaged_alloc_sleep_seconds", 59),
                ("khugepaged/max_ptes_none", 510, "khugepaged_max_ptes_none", 510),
                ("khugepaged/max_ptes_swap", 63, "khugepaged_max_ptes_swap", 63),
                ("khugepaged/max_ptes_shared", 255, "khugepaged_max_ptes_shared", 255)):
            if os.path.exists(THP + file):
                self.assert_setting(THP + file, value, f"hugepages_{family}", expected)

    def test_a_fault_and_a_hole(self):
        self.enterContext(Setting(THP + "enabled", "madvise"))
        hog = self.hog()
        before = look()
        self.filled(hog, "a", self.size, kind="huge", what="same")
        after = self.assert_rises(before, "vmstat_thp_fault_alloc_total", by=4)
        self.assert_rises(before, "numa_anon_huge_pages_bytes", numa_node="0", by=8 * MIB)
        huge = {"size": "2048kB"}
        if before.values("memory_hugepages_mthp_events_total", **huge):
            self.assert_rises(before, "hugepages_mthp_events_total", event="anon_fault_alloc", by=4,
                              **huge)
            self.assert_rises(before, "hugepages_mthp_pages", state="anon", by=4, **huge)
        hog.do("punch", "a")
        self.assert_rises(after, "vmstat_thp_split_pmd_total",
                          "vmstat_thp_deferred_split_page_total", by=4)

    def test_a_size_between(self):
        path = THP + "hugepages-64kB/enabled"
        if not os.path.exists(path):
            self.skipTest("huge pages of one size only (kernel before 6.8)")
        hog = self.hog()
        with Setting(path, "madvise"), Setting(THP + "hugepages-2048kB/enabled", "never"):
            before = look()
            self.filled(hog, "a", self.size, kind="huge", what="same")
            self.assert_rises(before, "hugepages_mthp_events_total", size="64kB",
                              event="anon_fault_alloc", by=200)
            self.assert_rises(before, "hugepages_mthp_pages", size="64kB", state="anon", by=200)

    def test_shared_memory(self):
        self.enterContext(Setting(THP + "shmem_enabled", "advise"))
        hog = self.hog()
        before = look()
        self.filled(hog, "a", self.size, kind="huge_shared", what="same")
        self.assert_rises(before, "vmstat_thp_file_alloc_total", "vmstat_thp_file_mapped_total",
                          by=4)
        self.assert_rises(before, "numa_shmem_huge_pages_bytes", "numa_shmem_pmd_mapped_bytes",
                          numa_node="0", by=8 * MIB)

    def scanning(self, **settings):
        """khugepaged at work, in haste."""
        self.enterContext(Setting(THP + "enabled", "madvise"))
        for name, value in {"scan_sleep_millisecs": 10, "pages_to_scan": 100000,
                            **settings}.items():
            self.enterContext(Setting(f"{THP}khugepaged/{name}", value))

    def test_khugepaged_makes_huge_pages_of_small_ones(self):
        hog = self.hog()
        self.filled(hog, "a", self.size)
        before = look()
        self.scanning()
        hog.do("hugepage", "a")
        self.assert_rises(before, "hugepages_khugepaged_pages_collapsed_total",
                          "vmstat_thp_collapse_alloc_total", by=4, seconds=30)
        self.assert_rises(before, "hugepages_khugepaged_full_scans_total")

    def test_khugepaged_gives_up_for_too_many_empty_entries(self):
        hog = self.hog()
        self.filled(hog, "a", self.size, what="first")
        before = look()
        self.scanning(max_ptes_none=0)
        hog.do("hugepage", "a")
        self.assert_rises(before, "vmstat_thp_scan_exceed_none_pte_total", seconds=30)

    def test_khugepaged_gives_up_for_too_many_swapped_pages(self):
        self.only_our_swap()
        self.enterContext(live.SwapFile(64))
        hog = self.hog()
        self.filled(hog, "a", self.size)
        hog.do("pageout", "a")
        before = look()
        self.scanning(max_ptes_swap=0)
        hog.do("hugepage", "a")
        self.assert_rises(before, "vmstat_thp_scan_exceed_swap_pte_total", seconds=30)

    def test_khugepaged_gives_up_for_too_many_shared_pages(self):
        hog = self.hog()
        self.filled(hog, "a", self.size)
        hog.do("fork")
        before = look()
        self.scanning(max_ptes_shared=0)
        hog.do("hugepage", "a")
        self.assert_rises(before, "vmstat_thp_scan_exceed_share_pte_total", seconds=30)

    def test_a_cgroup_too_small_for_a_huge_page(self):
        self.only_our_swap()
        self.enterContext(live.SwapFile(128))
        self.enterContext(Setting(THP + "enabled", "madvise"))
        self.enterContext(Setting(THP + "shmem_enabled", "advise"))
        # Without reclaim for a huge page's sake.
        self.enterContext(Setting(THP + "defrag", "never"))
        for kind, event in (("huge", "fault"), ("huge_shared", "file")):
            with MemoryCgroup("moves") as cgroup, Hog(cgroup.folder) as hog:
                self.assertEqual(hog.do("map", "a", self.size, kind), "done")
                cgroup.limit(cgroup.usage() + MIB)
                before = look()
                self.assertEqual(hog.do("fill", "a", "same"), "done")
                self.assert_rises(before, f"vmstat_thp_{event}_fallback_total",
                                  f"vmstat_thp_{event}_fallback_charge_total")

    def test_swapped_out_whole_or_in_pieces(self):
        self.only_our_swap()
        self.enterContext(live.SwapFile(64))
        self.enterContext(Setting(THP + "enabled", "madvise"))
        hog = self.hog()
        self.filled(hog, "a", self.size, kind="huge", what="pages")
        before = look()
        hog.do("pageout", "a")

        def gone():
            after = look()
            return sum(after.value(f"memory_vmstat_{name}_total") -
                       before.value(f"memory_vmstat_{name}_total")
                       for name in ("thp_swpout", "thp_swpout_fallback", "thp_split_page")) > 0
        live.wait_until(gone, 10, "huge pages swapped out")

    def test_mostly_empty_huge_pages_are_split_when_memory_is_asked_for(self):
        if not os.path.exists(THP + "shrink_underused"):
            self.skipTest("mostly empty huge pages are not looked for (kernel before 6.12)")
        self.enterContext(Setting(THP + "enabled", "madvise"))
        self.enterContext(Setting(THP + "shrink_underused", 1))
        self.enterContext(Setting(THP + "khugepaged/max_ptes_none", 100))
        cgroup = self.enterContext(MemoryCgroup("moves"))
        hog = self.hog(cgroup)
        before = look()
        self.filled(hog, "a", self.size, kind="huge", what="first")

        def split():
            cgroup.reclaim()
            metrics = look()
            return all(metrics.value(name) > before.value(name) for name in
                       ("memory_vmstat_thp_underused_split_page_total",
                        "memory_vmstat_thp_split_page_total"))
        live.wait_until(split, 20, "huge pages split")
