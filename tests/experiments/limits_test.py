"""Limits: how near the worst process of a group is."""

import resource

from experiments import MIB, Experiment, main, read_number


class Row09DataAndAddressSpace(Experiment):
    limit = 64 * MIB

    def refused(self, which, figure, limit):
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("until_refused")
        program.reach("start")
        before = self.look(exporter, program)
        self.assertIsNone(before.limit_usage(limit), "unlimited")
        program.limit(which, self.limit)
        got = int(program.reach())
        after = self.look(exporter, program)
        ratio = after.limit_usage(limit)
        self.assertAlmostEqual(ratio, figure(after) / self.limit)
        self.assertGreater(ratio, 1 - 1.1 * MIB / self.limit)
        self.assertLessEqual(ratio, 1)
        self.saw(mebibytes_given=got, ratio=ratio)

    def test_data(self):
        self.refused(resource.RLIMIT_DATA, lambda group: group.segment("data"), "data")

    def test_address_space(self):
        self.refused(resource.RLIMIT_AS, lambda group: group.value("virtual_bytes"), "as")


class Row26ManyMappings(Experiment):
    count = 2000

    def test_each_is_counted_and_held_against_the_kernels_limit(self):
        exporter = self.start_exporter()
        program = self.start("many_mappings", self.count)
        program.reach("start")
        before = self.look(exporter, program)
        program.reach("mapped")
        after = self.look(exporter, program)
        more = after.value("mappings") - before.value("mappings")
        # The first or the last may be one with what was there before.
        self.assertIn(more, range(self.count - 2, self.count + 1))
        with open(f"/proc/{program.pid}/maps", encoding="utf-8") as file:
            self.assertEqual(after.value("mappings"),
                             sum(1 for line in file if "[vsyscall]" not in line))
        most = read_number("/proc/sys/vm/max_map_count")
        self.assertAlmostEqual(after.limit_usage("map_count"), after.value("mappings") / most)
        self.assertEqual(after.exposition.value("memory_mappings_limit"), most)
        self.saw(before=before.value("mappings"), after=after.value("mappings"),
                 ratio=after.limit_usage("map_count"))


if __name__ == "__main__":
    main()
