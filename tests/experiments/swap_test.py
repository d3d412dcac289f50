"""Swap: what is not in RAM any more is still somebody's."""

import unittest

from experiments import MIB, PAGE, RESIDENT_SLACK, Experiment, MemoryCgroup, live, main

SIZE = 64 * MIB
# Pages that somebody else was looking at stay where they are.
LEFT = MIB


def no_swap_but_ours():
    with open("/proc/swaps", encoding="utf-8") as file:
        if len(file.readlines()) > 1:
            raise unittest.SkipTest("there is swap here already, and it would be used instead")


class Row17PagedOut(Experiment):
    def setUp(self):
        no_swap_but_ours()
        self.swap = self.enterContext(live.SwapFile(256))
        self.exporter = self.start_exporter()

    def look_at_machine(self, exposition):
        return {"used": exposition.value("memory_swap_device_used_bytes", device=self.swap.path),
                "out": exposition.value("memory_vmstat_pswpout_total"),
                "in": exposition.value("memory_vmstat_pswpin_total")}

    def test_anonymous_memory_moves_to_swap_and_comes_back_by_major_faults(self):
        cgroup = self.enterContext(MemoryCgroup())
        program = self.start("paged_out", "private", SIZE, cgroup=cgroup)
        program.reach("written")
        written = self.look(self.exporter, program)
        self.assertEqual(written.value("swap_bytes"), 0)
        program.reach("paged out")
        out = self.look(self.exporter, program)
        before, after = map(self.look_at_machine, (written.exposition, out.exposition))
        self.assertClose(out.value("swap_bytes"), SIZE, LEFT)
        self.assertClose(out.value("swap_pss_bytes"), SIZE, LEFT)
        self.assertEqual(out.value("swap_shmem_bytes"), 0)
        gone = written.resident("anon") - out.resident("anon")
        self.assertClose(gone, SIZE, LEFT + RESIDENT_SLACK)
        self.assertGreaterEqual(after["used"] - before["used"], SIZE - LEFT)
        self.assertGreaterEqual(after["out"] - before["out"], (SIZE - LEFT) // PAGE)

        # The copies in RAM that are still there (the swap cache) go when the cgroup is squeezed.
        cgroup.reclaim()
        program.reach("touched")
        touched = self.look(self.exporter, program)
        major = [group.value("page_faults_total", severity="major") for group in (out, touched)]
        read = self.look_at_machine(touched.exposition)["in"] - after["in"]
        # One fault reads up to 2^page-cluster pages ahead.
        self.assertGreaterEqual(major[1] - major[0], (SIZE - LEFT) // PAGE // 16)
        self.assertGreaterEqual(read, (SIZE - LEFT) // PAGE)
        self.assertClose(touched.resident("anon"), written.resident("anon"), LEFT + RESIDENT_SLACK)
        self.saw(resident_written=written.resident("anon"), resident_out=out.resident("anon"),
                 swap=out.value("swap_bytes"), swap_pss=out.value("swap_pss_bytes"),
                 device_used=after["used"] - before["used"],
                 pages_out=after["out"] - before["out"], major_faults=major[1] - major[0],
                 pages_in=read)

    def test_shared_memory_in_swap_is_in_a_figure_of_its_own(self):
        program = self.start("paged_out", "shared", SIZE)
        program.reach("written")
        written = self.look(self.exporter, program)
        program.reach("paged out")
        out = self.look(self.exporter, program)
        self.assertEqual(out.value("swap_bytes"), 0)
        self.assertEqual(out.value("swap_pss_bytes"), 0)
        self.assertClose(out.value("swap_shmem_bytes"), SIZE, LEFT)
        self.assertClose(written.resident("shmem") - out.resident("shmem"), SIZE,
                         LEFT + RESIDENT_SLACK)
        self.saw(swap=out.value("swap_bytes"), swap_shmem=out.value("swap_shmem_bytes"),
                 resident_written=written.resident("shmem"), resident_out=out.resident("shmem"))


class Row18SwapPriorities(Experiment):
    def test_the_device_of_higher_priority_fills_first(self):
        no_swap_but_ours()
        low = self.enterContext(live.SwapFile(128, priority=5))
        high = self.enterContext(live.SwapFile(32, priority=10))
        exporter = self.start_exporter()
        program = self.start("paged_out", "private", SIZE)
        program.reach("written")
        program.reach("paged out")
        now = self.look(exporter)
        figures = {name: {figure: now.value(f"memory_swap_device_{figure}", device=swap.path)
                          for figure in ("priority", "size_bytes", "used_bytes")}
                   for name, swap in (("low", low), ("high", high))}
        self.assertEqual(figures["low"]["priority"], 5)
        self.assertEqual(figures["high"]["priority"], 10)
        # The first page of a device is its header.
        self.assertEqual(figures["high"]["size_bytes"], 32 * MIB - PAGE)
        self.assertClose(figures["high"]["used_bytes"], 32 * MIB, LEFT)
        self.assertClose(figures["low"]["used_bytes"], SIZE - 32 * MIB, 2 * LEFT)
        self.saw(**{f"{name}_{figure}": value for name, two in figures.items()
                    for figure, value in two.items()})


if __name__ == "__main__":
    main()
