"""The balance on a real machine: whatever fills its memory, what remains unaccounted for stays
within 1 % of MemTotal, and the part that should have grown has grown. The amounts are what the
machine can spare, at most those of the design; each test prints them."""

import contextlib
import os
import subprocess
import tempfile
import unittest

import live
import machine
from machine import GIB, MIB

PARTS = "memory_balance_bytes"


class Balance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        live.need_root()
        cls.daemon = live.Daemon("--collector.disable-defaults", "--collector.balance",
                                 "--collector.meminfo", "--pss.max-age=1s")
        cls.addClassCleanup(cls.daemon.stop)

    def parts(self):
        return {labels["part"]: value for labels, value in self.daemon.metrics().values(PARTS)}

    def look(self, title):
        """The parts now, which must add up and leave little."""
        parts = self.parts()
        total = machine.meminfo()["MemTotal"]
        self.assertEqual(sum(parts.values()), total)
        share = parts["unaccounted"] / total
        print(f"\n  {title}: unaccounted {parts['unaccounted'] / MIB:.1f} MiB, "
              f"{100 * share:.2f} % of {total / MIB:.0f} MiB", flush=True)
        self.assertLess(abs(share), 0.01, f"{title}: {parts}")
        return parts

    def assert_grew(self, before, after, amount, *names):
        grown = sum(after[name] - before[name] for name in names)
        self.assertGreater(grown, 0.9 * amount, f"{names} by {grown / MIB:.0f} MiB")

    def test_idle(self):
        self.look("as it is")

    def test_page_cache(self):
        size = machine.room(6 * GIB)
        before = self.look("before the page cache")
        with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
            block = os.urandom(MIB)
            for _ in range(size // MIB):
                file.write(block)
            file.flush()
            after = self.look(f"page cache with a file of {size // MIB} MiB, just written")
            os.fsync(file.fileno())
            self.look("and synced")
            self.assert_grew(before, after, size, "page_cache")

    def test_memory_just_freed(self):
        size = machine.room(4 * GIB)
        with machine.Hog() as hog:
            before = self.look("before filling")
            self.assertEqual(hog.do("map", "a", size, "private"), "done")
            hog.do("fill", "a", "same")
            after = self.look(f"{size // MIB} MiB of anonymous memory in use")
            self.assert_grew(before, after, size, "pss_anon", "anon_unattributed")
            hog.do("free", "a")
            parts = self.look(f"{size // MIB} MiB just freed")
        print(f"  in per-CPU lists: {parts['free_percpu_lists'] / MIB:.0f} MiB", flush=True)

    def test_shared_memory(self):
        size = machine.room(8 * GIB, reserve=6 * GIB)
        before = self.look("before shared memory")
        path = f"/dev/shm/memory_exporter.{os.getpid()}"
        try:
            with open(path, "wb") as file:
                block = bytes([1]) * MIB
                for _ in range(size // MIB):
                    file.write(block)
            unmapped = self.look(f"{size // MIB} MiB in /dev/shm, mapped by nobody")
            self.assert_grew(before, unmapped, size, "shmem_unmapped")
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        with machine.Hog() as hog:
            before = self.look("without it")
            hog.do("map", "a", size, "shared")
            hog.do("fill", "a", "same")
            mapped = self.look(f"{size // MIB} MiB of shared memory, mapped")
            self.assert_grew(before, mapped, size, "pss_shmem", "mapped_unattributed")

    def test_many_processes(self):
        count = 2000
        machine.need_room(4 * GIB)
        children = []
        try:
            for _ in range(count):
                children.append(subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL))
            parts = self.look(f"{count} processes more")
            self.assertGreater(parts["page_tables"], count * 20 * 1024)
            self.assertGreater(parts["kernel_stacks"], count * 8 * 1024)
        finally:
            for child in children:
                child.kill()
            for child in children:
                child.wait()

    def test_hugetlb_pool(self):
        size = machine.room(GIB)
        pages = size // machine.meminfo()["Hugepagesize"]
        before = self.look("before the hugetlb pool")
        with machine.Setting("/proc/sys/vm/nr_hugepages", pages):
            self.assert_grew(before, self.look(f"{pages} pages in the hugetlb pool"), size,
                             "hugetlb")

    def test_swapped_out_and_in(self):
        size = machine.room(GIB)
        with live.SwapFile(2 * size // MIB), machine.Hog() as hog:
            hog.do("map", "a", size, "private")
            hog.do("fill", "a", "pages")
            self.assertEqual(hog.do("pageout", "a"), "done")
            out = self.look(f"{size // MIB} MiB swapped out")
            hog.do("touch", "a")
            back = self.look("and read in again")
            self.assert_grew(out, back, size, "pss_anon", "anon_unattributed")
            print(f"  SwapCached: {machine.meminfo()['SwapCached'] / MIB:.0f} MiB, anon_unmapped: "
                  f"{back['anon_unmapped'] / MIB:.0f} MiB", flush=True)
            hog.do("pageout", "a")
            hog.do("free", "a")
            self.look("swapped out and freed")

    def test_compressed_swap(self):
        size = machine.room(GIB)
        with machine.Zram(2 * size) as zram, machine.SwapOn(zram.device, 1000), \
                machine.Hog() as hog:
            hog.do("map", "a", size, "private")
            hog.do("fill", "a", "random")
            before = self.look("before zram")
            hog.do("pageout", "a")
            self.assert_grew(before, self.look(f"{size // MIB} MiB in zram, incompressible"), size,
                             "zspages")
        self.look("zram gone")

    def test_zswap(self):
        size = machine.room(GIB)
        with machine.Setting("/sys/module/zswap/parameters/enabled", "Y"), \
                live.SwapFile(2 * size // MIB), machine.Hog() as hog:
            hog.do("map", "a", size, "private")
            hog.do("fill", "a", "pages")
            before = self.look("before zswap")
            hog.do("pageout", "a")
            after = self.look(f"{size // MIB} MiB in zswap")
            self.assertGreater(after["zswap"], before["zswap"] + size // 200)
            self.assertLess(after["zspages"], before["zspages"] + size // 200)

    def test_huge_pages_with_holes(self):
        size = machine.room(2 * GIB)
        with machine.Hog() as hog:
            hog.do("map", "a", size, "huge")
            hog.do("fill", "a", "same")
            before = self.look(f"{size // MIB} MiB in huge pages")
            if machine.meminfo()["AnonHugePages"] < size / 2:
                self.skipTest("no huge pages")
            hog.do("punch", "a")
            after = self.look("half of each given back, which frees nothing yet")
            self.assert_grew(before, after, size / 2, "anon_unmapped")

    def test_a_million_dentries(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            before = self.look("before the dentries")
            for number in range(1_000_000):
                with contextlib.suppress(FileNotFoundError):
                    os.stat(f"{folder}/{number}")
            after = self.look("a million names looked up that are not there")
            self.assert_grew(before, after, 1_000_000 * 150, "slab_reclaimable")


if __name__ == "__main__":
    live.main()
