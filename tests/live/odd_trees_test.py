"""Trees that no kernel has, or only an odd one: what cannot be told is absent, and the rest is there."""

import collections
import os
import tempfile
import unittest

import live

STAT = "{pid} (work) S 1 {pid} {pid} 0 -1 4194560 1000 0 5 0 10 20 0 0 20 0 1 0 5000 102400000 " \
       "12500 18446744073709551615 4194304 5000000 140720000000000" + " 0" * 23 + "\n"
STATUS = "Name:\twork\nState:\tS (sleeping)\nPPid:\t1\nUid:\t0\t0\t0\t0\nVmSize:\t  100000 kB\n" \
         "VmPin:\t       0 kB\nVmRSS:\t   50000 kB\nRssAnon:\t   40000 kB\nRssFile:\t    9000 kB\n" \
         "RssShmem:\t    1000 kB\nVmSwap:\t      16 kB\nThreads:\t1\n"
ROLLUP = "00400000-7fff00000000 ---p 00000000 00:00 0 [rollup]\nRss: 50000 kB\nPss: 45000 kB\n" \
         "Private_Clean: 0 kB\nPrivate_Dirty: 40000 kB\nReferenced: 50000 kB\nSwap: 8 kB\n" \
         "SwapPss: 8 kB\n"
MAPPING = "{begin}-{end} rw-p 00000000 00:00 0\nRss: 4 kB\nPss: 4 kB\nPrivate_Clean: 0 kB\n" \
          "Private_Dirty: 4 kB\nSwap: {swap} kB\nVmFlags: rd wr\n"
WRAPPED = 18014398504239104  # kB: below 0 in bytes, divided
GROUP = 'name="work",cgroup="/a"'


class Tree:
    """A machine with one process, in a folder that goes away."""

    def __init__(self, test):
        self.folder = test.enterContext(tempfile.TemporaryDirectory())
        self.write("proc/meminfo", "MemTotal: 8000000 kB\nMemFree: 3000000 kB\n")
        self.write("proc/7/stat", STAT.format(pid=7))
        self.write("proc/7/status", STATUS)
        self.write("proc/7/smaps_rollup", ROLLUP)
        self.write("proc/7/cgroup", "0::/a\n")
        self.write("sys/fs/cgroup/cgroup.controllers", "memory\n")
        self.write("sys/fs/cgroup/a/memory.current", "4096\n")
        os.mkdir(os.path.join(self.folder, "root"))

    def path(self, name):
        return os.path.join(os.fsencode(self.folder), os.fsencode(name))

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def series(self, *flags):
        """The values by series, of which none stands there twice."""
        code, output, errors = live.run_daemon(
            "--once", *flags, *(f"--path.{name}fs={self.folder}/{folder}" for name, folder in
                                (("proc", "proc"), ("sys", "sys"), ("root", "root"))))
        assert code == 0, errors
        lines = [line.rsplit(" ", 1) for line in output.splitlines() if not line.startswith("#")]
        twice = [name for name, count in collections.Counter(name for name, _ in lines).items()
                 if count > 1]
        assert not twice, twice
        return dict(lines)


class OddTreesTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree(self)

    def errors(self, series, file, reason="malformed"):
        return series.get(f'memory_exporter_read_errors_total{{file="{file}",reason="{reason}"}}')

    def test_an_odd_line_of_status_leaves_out_its_own_figure(self):
        self.tree.write("proc/7/status", STATUS.replace("VmSwap:\t      16 kB", "VmSwap:\t16"))
        series = self.tree.series()
        self.assertEqual(series[f'memory_group_resident_bytes{{{GROUP},kind="anon"}}'], "40960000")
        self.assertNotIn(f"memory_group_swap_bytes{{{GROUP}}}", series)
        self.assertEqual(self.errors(series, "status"), "1")

    def test_an_odd_line_of_smaps_rollup_leaves_out_its_own_figure(self):
        self.tree.write("proc/7/smaps_rollup", ROLLUP.replace("Referenced: 50000", "Referenced: -1"))
        series = self.tree.series("--collector.process_details")
        self.assertEqual(series[f"memory_group_uss_bytes{{{GROUP}}}"], "40960000")
        self.assertNotIn(f"memory_group_referenced_bytes{{{GROUP}}}", series)
        self.assertEqual(self.errors(series, "smaps_rollup"), "1")

    def test_an_odd_line_of_cgroup_leaves_the_label(self):
        self.tree.write("proc/7/cgroup", "odd\n0::/a\n")
        series = self.tree.series()
        self.assertIn(f"memory_group_processes{{{GROUP}}}", series)
        self.assertEqual(self.errors(series, "cgroup"), "1")

    def test_no_sum_of_mappings_lacks_one_of_them(self):
        os.unlink(self.tree.path("proc/7/smaps_rollup"))
        self.tree.write("proc/7/smaps",
                        MAPPING.format(begin="1000", end="2000", swap=8) +
                        MAPPING.format(begin="3000", end="4000", swap=WRAPPED))
        series = self.tree.series("--collector.mappings")
        self.assertEqual(series[f"memory_group_uss_bytes{{{GROUP}}}"], "8192")
        for name in series:
            self.assertFalse(name.startswith("memory_group_region_swap_bytes"), name)
            self.assertFalse(name.startswith("memory_group_swap_pss_bytes"), name)
        self.assertEqual(self.errors(series, "smaps"), "1")

    def test_names_of_files_and_words_make_no_series_twice(self):
        for byte in (b"\xfe", b"\xff"):
            self.tree.write(b"sys/kernel/debug/zswap/reject_" + byte, "1\n")
            self.tree.write(b"sys/kernel/mm/transparent_hugepage/hugepages-64kB/stats/" + byte,
                            "1\n")
        self.tree.write("sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
                        "[always] never\n")
        self.tree.write("sys/kernel/mm/transparent_hugepage/hugepages-064kB/enabled",
                        "[always] never\n")
        self.tree.write("sys/kernel/mm/transparent_hugepage/enabled", b"[\xff] \xfe never never\n")
        self.tree.write("sys/kernel/mm/transparent_hugepage/defrag", b"[\xff] \xfe never\n")
        self.tree.write("sys/block/zram0/mm_stat", "4096 64 12288 0 12288 0 0\n")
        self.tree.write("sys/block/zram00/mm_stat", "4096 64 12288 0 12288 0 0\n")
        self.tree.write("sys/fs/cgroup/a/memory.events", b"\xff 1\n\xfe 2\n")
        self.tree.write("proc/meminfo", b"MemTotal: 8 kB\n\xff: 1 kB\n\xfe: 2 kB\nDirectMap: 1 kB\n")
        self.tree.write("proc/swaps", b"/v \xff 1 1 1\n/v \xfe 1 1 1\n")
        series = self.tree.series()
        self.assertEqual(sum(name.startswith("memory_cgroup_events_total") for name in series), 2)
        self.assertEqual(sum(name.startswith("memory_hugepages_thp_defrag") for name in series), 3)
        self.assertEqual(sum(name.startswith("memory_swap_zram_used_bytes") for name in series), 1)


if __name__ == "__main__":
    live.main()
