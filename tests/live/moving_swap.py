"""Swap devices, zram and zswap, and the events of vmstat that go with them."""

import os
import pathlib

import live
import machine
from machine import MIB, LoopDevice, MemoryCgroup, Setting, SwapOn, Zram, read
from moving import Moves, daemon, look

ZSWAP = "/sys/module/zswap/parameters/"


class Swap(Moves):
    size = 32 * MIB

    def test_two_files_of_different_priority(self):
        self.only_our_swap()
        low = self.enterContext(live.SwapFile(64, priority=5))
        high = self.enterContext(live.SwapFile(16, priority=10))
        hog = self.hog()
        self.filled(hog, "a", self.size)
        before = look()
        hog.do("pageout", "a")
        after = self.assert_rises(before, "swap_device_used_bytes", device=low.path, kind="file",
                                  by=self.size - 17 * MIB)
        for line in read("/proc/swaps").splitlines()[1:]:
            name, kind, size, used, priority = line.split()
            figures = [after.value(f"memory_swap_device_{figure}", device=name, kind=kind)
                       for figure in ("size_bytes", "used_bytes", "priority")]
            self.assertEqual(figures, [int(size) * 1024, int(used) * 1024, int(priority)])
        self.assertEqual({labels["device"]: value for labels, value in
                          after.values("memory_swap_device_priority")},
                         {low.path: 5, high.path: 10})
        self.assertGreater(after.value("memory_swap_device_used_bytes", device=high.path),
                           15 * MIB)

    def test_a_disk_is_a_partition(self):
        self.only_our_swap()
        disk = self.enterContext(LoopDevice(32 * MIB))
        self.enterContext(SwapOn(disk.device, 7))
        hog = self.hog()
        self.filled(hog, "a", 16 * MIB)
        device = {"device": disk.device, "kind": "partition"}
        before = look()
        self.assertEqual([before.value(f"memory_swap_device_{name}", **device)
                          for name in ("size_bytes", "priority")], [32 * MIB - machine.PAGE, 7])
        hog.do("pageout", "a")
        self.assert_rises(before, "swap_device_used_bytes", by=15 * MIB, **device)

    def test_pages_go_out_and_come_back(self):
        self.only_our_swap()
        cgroup = self.enterContext(MemoryCgroup("moves"))
        self.enterContext(live.SwapFile(128))
        hog = self.hog(cgroup)
        self.filled(hog, "a", self.size)
        self.filled(hog, "zeros", MIB, what="zeros")
        before = look()
        hog.do("pageout", "a")
        hog.do("pageout", "zeros")
        out = self.assert_rises(before, "vmstat_pswpout_total", by=self.size // machine.PAGE // 2)
        if before.value("memory_vmstat_swpout_zero_total") is not None:  # kernel 6.13
            self.assert_rises(before, "vmstat_swpout_zero_total", by=200)
        cgroup.reclaim()  # what is still in the swap cache would come back without a read
        hog.do("touch", "a")
        hog.do("touch", "zeros")
        self.assert_rises(out, "vmstat_pswpin_total", by=self.size // machine.PAGE // 2)
        self.assert_rises(out, "vmstat_pgmajfault_total", "vmstat_swap_ra_total",
                          "vmstat_swap_ra_hit_total", "vmstat_workingset_refault_anon_total", by=10)
        if before.value("memory_vmstat_swpin_zero_total") is not None:
            self.assert_rises(out, "vmstat_swpin_zero_total", by=200)


class ZramDisk(Moves):
    columns = ("original_bytes", "compressed_bytes", "used_bytes", "limit_bytes", "used_peak_bytes",
               "same_pages", "pages_compacted_total", "huge_pages")

    def test_a_disk_for_swap(self):
        self.only_our_swap()
        zram = self.enterContext(Zram(256 * MIB))
        device = {"device": zram.device}
        before = look()
        self.assertEqual(before.value("memory_swap_zram_size_bytes", **device), 256 * MIB)
        self.assertIsNone(before.value("memory_swap_zram_limit_bytes", **device))
        pathlib.Path(zram.folder, "mem_limit").write_text("128M")
        self.assertEqual(look().value("memory_swap_zram_limit_bytes", **device), 128 * MIB)
        self.enterContext(SwapOn(zram.device, 1000))
        hog = self.hog()
        self.filled(hog, "random", 8 * MIB, what="random")
        self.filled(hog, "same", 8 * MIB, what="same")
        self.filled(hog, "pages", 32 * MIB)
        for name in ("random", "same", "pages"):
            hog.do("pageout", name)
        after = self.assert_rises(before, "swap_zram_original_bytes", by=36 * MIB, **device)
        self.assert_rises(before, "swap_device_used_bytes", by=40 * MIB, kind="zram", **device)
        self.assert_rises(before, "swap_zram_same_pages", by=1000, **device)
        self.assert_rises(before, "swap_zram_huge_pages", by=1000, **device)
        self.assert_rises(before, "swap_zram_compressed_bytes", "swap_zram_used_bytes",
                          "swap_zram_used_peak_bytes", by=4 * MIB, **device)
        # Holes in its memory, and it moves together.
        hog.do("punch", "pages")
        pathlib.Path(zram.folder, "compact").write_text("1")
        self.assert_rises(after, "swap_zram_pages_compacted_total", **device)
        found = read(f"{zram.folder}/mm_stat").split()
        metrics = look()
        self.assertEqual([metrics.value(f"memory_swap_zram_{name}", **device)
                          for name in self.columns], [float(value) for value in found[:8]])


class Zswap(Moves):
    def test_settings(self):
        if not os.path.exists(ZSWAP):
            self.skipTest("this kernel has no zswap")
        self.assert_setting(ZSWAP + "max_pool_percent", 21, "swap_zswap_pool_limit_ratio", 0.21)
        self.assert_setting(ZSWAP + "accept_threshold_percent", 91,
                            "swap_zswap_accept_threshold_ratio", 0.91)

    def test_the_pool(self):
        self.only_our_swap()
        self.enterContext(Setting(ZSWAP + "enabled", "Y"))
        self.assertEqual(look().value("memory_swap_zswap_enabled"), 1)
        self.enterContext(live.SwapFile(128))
        hog = self.hog()
        self.filled(hog, "a", 32 * MIB)
        self.filled(hog, "b", 8 * MIB)
        before = look()
        hog.do("pageout", "a")
        after = self.assert_rises(before, "swap_zswap_stored_bytes", by=28 * MIB)
        self.assert_rises(before, "swap_zswap_pool_bytes", by=32 * MIB // 100)
        self.assert_rises(before, "vmstat_zswpout_total", by=28 * MIB // machine.PAGE)
        meminfo = machine.meminfo()
        self.assertEqual(after.value("memory_swap_zswap_stored_bytes"), meminfo["Zswapped"])
        hog.do("touch", "a")
        self.assert_rises(before, "vmstat_zswpin_total", by=28 * MIB // machine.PAGE // 2)
        hog.do("free", "a")
        # Full, it takes no more and writes on to the device what it has: little, for it gives each
        # page a second chance and looks at fourteen at a time.
        self.filled(hog, "few", MIB // 4)
        hog.do("pageout", "few")
        with Setting(ZSWAP + "max_pool_percent", 0):
            def written():
                hog.do("touch", "b")
                hog.do("pageout", "b")
                return (look().value("memory_vmstat_zswpwb_total") >
                        before.value("memory_vmstat_zswpwb_total") + 20)
            live.wait_until(written, 30, "pages written on by zswap")
            if before.value("memory_swap_zswap_limit_hits_total") is None:
                self.skipTest("no debugfs to be mounted")
            self.assert_rises(before, "swap_zswap_limit_hits_total",
                              "swap_zswap_written_back_pages_total", by=20)
        self.filled(hog, "random", 4 * MIB, what="random")
        hog.do("pageout", "random")
        metrics = look()
        # Since 6.18 it takes what does not compress as it is, and rejects hardly anything.
        folder = f"/proc/{daemon().pid}/root/sys/kernel/debug/zswap"
        for name in os.listdir(folder):
            if name.startswith("reject_"):
                self.assertEqual(metrics.value("memory_swap_zswap_rejects_total", reason=name[7:]),
                                 int(read(f"{folder}/{name}")))
