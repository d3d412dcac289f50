"""malloc and the heap."""

from experiments import (KIB, MIB, PAGES_SLACK, RESIDENT_SLACK, SLACK_OF_ONE_CPU, Experiment,
                         main)


class Row04MallocOnce(Experiment):
    """What malloc gives is address space. It is resident when it is written, and gone when it is
    freed; the peak remembers."""

    def test_address_space_comes_with_malloc_and_memory_with_writing(self):
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("malloc_once", on_one_cpu=True)
        seen = {}
        for step in ("start", "allocated", "written", "freed"):
            program.reach(step)
            seen[step] = self.look(exporter, program)

        def change(of, step, since="start"):
            return of(seen[step]) - of(seen[since])

        data = lambda group: group.segment("data")  # noqa: E731
        resident = lambda group: group.resident("anon")  # noqa: E731
        pss = lambda group: group.pss("anon")  # noqa: E731
        # 1 MiB and malloc's header, in whole pages.
        self.assertEqual(change(data, "allocated"), 1028 * KIB)
        self.assertEqual(change(data, "written"), 1028 * KIB)
        self.assertEqual(change(data, "freed"), 0)
        self.assertClose(change(pss, "allocated"), 0, PAGES_SLACK)
        self.assertClose(change(pss, "written"), MIB, PAGES_SLACK)
        self.assertClose(change(pss, "freed"), 0, PAGES_SLACK)
        self.assertClose(change(resident, "written"), MIB, RESIDENT_SLACK)
        peak = lambda group: group.value("resident_peak_bytes")  # noqa: E731
        # Of the sum of two approximate counters, and then the difference of two such sums.
        slack = 2 * 2 * SLACK_OF_ONE_CPU
        self.assertClose(change(peak, "written"), MIB, slack)
        self.assertGreaterEqual(peak(seen["freed"]), peak(seen["written"]) - slack)
        self.assertGreater(peak(seen["freed"]), seen["freed"].resident("anon") +
                           seen["freed"].resident("file") + MIB - slack)
        self.saw(**{f"{name}_{step}": of(group) for step, group in seen.items()
                    for name, of in (("data", data), ("resident", resident), ("peak", peak))})


class Row05ProgramBreak(Experiment):
    def test_the_heap_grows_with_the_break_and_falls_back(self):
        exporter = self.start_exporter("--collector.mappings")
        program = self.start("program_break")
        seen = {}
        for step in ("start", "grown", "shrunk"):
            program.reach(step)
            group = self.look(exporter, program)
            seen[step] = {figure: group.region("heap", f"{figure}_bytes")
                          for figure in ("virtual", "resident")}
        self.assertEqual(seen["grown"]["virtual"] - seen["start"]["virtual"], MIB)
        self.assertEqual(seen["grown"]["resident"] - seen["start"]["resident"], MIB)
        self.assertEqual(seen["shrunk"], seen["start"])
        self.saw(**{f"heap_{figure}_{step}": value for step, figures in seen.items()
                    for figure, value in figures.items()})


class Row06Fragments(Experiment):
    """The heap can only be cut at its end: what is free below the last piece stays resident."""
    size = 64 * MIB

    def test_one_piece_at_the_end_keeps_the_heap(self):
        exporter = self.start_exporter("--collector.mappings")
        program = self.start("fragments")
        resident = {}
        for step in ("start", "allocated", "freed all but the last", "freed"):
            program.reach(step)
            resident[step] = self.look(exporter, program).region("heap", "resident_bytes")
        self.assertGreaterEqual(resident["allocated"], self.size)
        self.assertLess(resident["allocated"], 1.05 * self.size)
        self.assertClose(resident["freed all but the last"], resident["allocated"], PAGES_SLACK)
        self.assertLess(resident["freed"], MIB)
        self.saw(**{f"heap_{step.replace(' ', '_')}": value for step, value in resident.items()})


class Row08Threshold(Experiment):
    def test_a_large_piece_is_a_mapping_of_its_own_and_a_small_one_is_on_the_heap(self):
        exporter = self.start_exporter("--collector.mappings")
        program = self.start("threshold")
        seen = {}
        for step in ("start", "large", "small"):
            program.reach(step)
            seen[step] = self.look(exporter, program)

        def growth(step, since, region, figure):
            return seen[step].region(region, figure) - seen[since].region(region, figure)
        self.assertEqual(growth("large", "start", "anon", "virtual_bytes"), 1028 * KIB)
        self.assertClose(growth("large", "start", "anon", "resident_bytes"), MIB, PAGES_SLACK)
        self.assertClose(growth("large", "start", "heap", "resident_bytes"), 0, PAGES_SLACK)
        self.assertClose(growth("small", "large", "heap", "resident_bytes"), 64 * KIB, PAGES_SLACK)
        self.assertEqual(growth("small", "large", "anon", "resident_bytes"), 0)
        self.saw(anon_by_large=growth("large", "start", "anon", "resident_bytes"),
                 heap_by_large=growth("large", "start", "heap", "resident_bytes"),
                 anon_by_small=growth("small", "large", "anon", "resident_bytes"),
                 heap_by_small=growth("small", "large", "heap", "resident_bytes"))


if __name__ == "__main__":
    main()
