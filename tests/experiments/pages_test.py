"""Single pages: locked, faulted in, merged, huge."""

import os
import resource
import unittest

from experiments import (MIB, PAGE, PAGES_SLACK, RESIDENT_SLACK, Experiment, Setting, live, main,
                         read_number)

KSM = "/sys/kernel/mm/ksm"
THP = "/sys/kernel/mm/transparent_hugepage"
POOL = "/proc/sys/vm/nr_hugepages"


class Row19Locked(Experiment):
    limit = 8 * MIB
    size = limit - PAGE

    def test_locked_memory_is_locked_and_unevictable(self):
        exporter = self.start_exporter("--collector.process_details")
        # Others lock memory too, so the machine's figures are looked at more than once.
        for _ in range(5):
            program = self.start("locked")
            seen = {}
            for step in ("start", "locked", "unlocked"):
                program.reach(step)
                program.limit(resource.RLIMIT_MEMLOCK, self.limit)
                seen[step] = self.look(exporter, program)
            moved = {field: seen["locked"].exposition.value(f"memory_meminfo_{field}_bytes") -
                            seen["start"].exposition.value(f"memory_meminfo_{field}_bytes")
                     for field in ("mlocked", "unevictable")}
            if all(abs(change - self.size) <= MIB for change in moved.values()):
                break
        locked = {step: group.value("locked_bytes") for step, group in seen.items()}
        self.assertEqual(locked, {"start": 0, "locked": self.size, "unlocked": 0})
        # mlock faults all of it in.
        self.assertClose(seen["locked"].pss("anon") - seen["start"].pss("anon"), self.size,
                         PAGES_SLACK)
        self.assertAlmostEqual(seen["locked"].limit_usage("memlock"), self.size / self.limit)
        self.assertEqual(seen["unlocked"].limit_usage("memlock"), 0)
        for field, change in moved.items():
            self.assertClose(change, self.size, MIB, field)
        self.saw(locked=locked["locked"], **moved,
                 memlock_ratio=seen["locked"].limit_usage("memlock"))


class Row20MinorFaults(Experiment):
    pages = 5000

    def test_each_first_touch_is_a_fault_and_the_counter_survives_the_process(self):
        exporter = self.start_exporter()
        comm = f"faults.{os.getpid()}"
        seen = []

        def look():
            seen.append(self.look(exporter, comm).value("page_faults_total", severity="minor"))

        for _ in range(2):
            program = self.start("faults", self.pages, comm=comm)
            program.reach("start")
            look()
            program.reach("touched")
            look()
            program.end()
            look()
        start, touched, ended, start_again, touched_again, ended_again = seen
        self.assertGreaterEqual(touched - start, self.pages)
        self.assertLess(touched - start, self.pages + 50)
        self.assertEqual(ended, touched)
        self.assertGreater(start_again, ended)
        self.assertGreaterEqual(touched_again - start_again, self.pages)
        self.assertEqual(ended_again, touched_again)
        self.saw(pages=self.pages, start=start, touched=touched, ended=ended,
                 start_again=start_again, touched_again=touched_again)


class Row16EqualPages(Experiment):
    size = 16 * MIB  # in each of two processes

    def test_equal_pages_become_one_and_the_figures_say_so(self):
        if not os.path.exists(KSM):
            raise unittest.SkipTest("this kernel has no KSM")
        exporter = self.start_exporter("--collector.process_details", "--collector.ksm")
        program = self.start("equal_pages")
        program.reach("start")
        before = self.look(exporter, program)
        program.reach("filled")
        self.enterContext(Setting(f"{KSM}/pages_to_scan", 20000))
        self.enterContext(Setting(f"{KSM}/sleep_millisecs", 10))
        run = self.enterContext(Setting(f"{KSM}/run", 1))
        self.addCleanup(run.write, 2)  # takes apart what has been merged, before it is as it was

        def merged():
            now = self.look(exporter, program)
            ksm = now.value("ksm_bytes")
            if ksm is None:
                raise unittest.SkipTest("this kernel's smaps_rollup has no KSM (before 6.8)")
            return now if ksm >= 2 * self.size else None
        now = live.wait_until(merged, 60, "all pages are merged")
        self.assertClose(now.value("ksm_bytes"), 2 * self.size, PAGES_SLACK)
        sharing = [group.exposition.value("memory_ksm_pages_sharing") for group in (before, now)]
        # One page of up to max_page_sharing equal ones is the one that is kept.
        kept = 2 * self.size // PAGE // read_number(f"{KSM}/max_page_sharing") + 2
        self.assertClose(sharing[1] - sharing[0], 2 * self.size // PAGE, kept)
        self.assertClose(now.resident("anon") - before.resident("anon"), 2 * self.size,
                         RESIDENT_SLACK + MIB)
        self.assertLess(now.pss("anon") - before.pss("anon"), MIB)
        self.saw(ksm=now.value("ksm_bytes"), pages_sharing=sharing[1] - sharing[0],
                 resident=now.resident("anon"), pss=now.pss("anon"))


class Row25HugePages(Experiment):
    size, huge_page = 16 * MIB, 2 * MIB

    def test_transparent_huge_pages_are_a_part_of_anonymous_memory(self):
        try:
            with open(f"{THP}/enabled", encoding="ascii") as file:
                on = "[never]" not in file.read()
        except FileNotFoundError:
            on = False
        if not on:
            raise unittest.SkipTest("transparent huge pages are off")
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("huge_pages", "transparent")
        program.reach("start")
        before = self.look(exporter, program)
        program.reach("written")
        after = self.look(exporter, program)
        huge = after.value("anon_huge_bytes") - before.value("anon_huge_bytes")
        # A machine whose memory is in pieces may not have one huge page for each.
        self.assertGreaterEqual(huge, self.size // 2)
        self.assertClose(after.pss("anon") - before.pss("anon"), self.size, PAGES_SLACK)
        self.assertEqual(after.value("hugetlb_bytes"), 0)
        self.saw(anon_huge=huge, pss=after.pss("anon"), resident=after.resident("anon"))

    def test_pages_of_a_pool_are_in_no_other_figure(self):
        pages = self.size // self.huge_page
        had = int(self.enterContext(Setting(POOL, read_number(POOL) + pages)).before)
        if read_number(POOL) < had + pages:
            raise unittest.SkipTest("no huge pages to be had")
        exporter = self.start_exporter("--collector.hugepages")
        program = self.start("huge_pages", "pool")
        program.reach("start")
        before = self.look(exporter, program)
        program.reach("written")
        after = self.look(exporter, program)
        self.assertEqual(after.value("hugetlb_bytes", sharing="private"), self.size)
        self.assertEqual(after.value("hugetlb_bytes", sharing="shared"), 0)
        self.assertClose(after.pss("anon"), before.pss("anon"), PAGES_SLACK)
        self.assertClose(after.resident("anon"), before.resident("anon"), RESIDENT_SLACK)

        def pool(group, state):
            return group.exposition.value("memory_hugepages_pool_pages", size="2048kB", state=state)
        self.assertEqual(pool(before, "free") - pool(after, "free"), pages)
        self.assertEqual(pool(before, "total"), pool(after, "total"))
        self.saw(hugetlb=after.value("hugetlb_bytes"), pss=after.pss("anon"),
                 free_before=pool(before, "free"), free_after=pool(after, "free"))


if __name__ == "__main__":
    main()
