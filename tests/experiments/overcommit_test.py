"""Promises: address space that nobody has used yet."""

import unittest

from experiments import (GB, KIB, RESIDENT_SLACK, Experiment, Setting, main, meminfo,
                         read_number)

POLICY = "/proc/sys/vm/overcommit_memory"
RATIO, KBYTES = "/proc/sys/vm/overcommit_ratio", "/proc/sys/vm/overcommit_kbytes"


def commit_limit(size):
    """Sets the limit of the policy "never", to the percent of RAM. Writing one of its two files
    clears the other, so it is the one in use that is written and put back."""
    if read_number(KBYTES) != 0:
        return Setting(KBYTES, size // KIB)
    return Setting(RATIO, size * 100 // meminfo()["MemTotal"])


class Row10Overcommit(Experiment):
    def test_thirty_gigabytes_are_promised_and_cost_nothing(self):
        with open(POLICY, encoding="ascii") as file:
            if file.read().strip() != "0":
                raise unittest.SkipTest("vm.overcommit_memory is not 0")
        exporter = self.start_exporter()
        # Others make promises too, so the machine's figure is looked at more than once.
        for _ in range(5):
            program = self.start("promises", 30, GB)
            program.reach("start")
            before = self.look(exporter, program)
            self.assertEqual(program.reach(), "30", "promised of 30")
            after = self.look(exporter, program)
            committed = [group.exposition.value("memory_overcommit_committed_bytes")
                         for group in (before, after)]
            program.end()
            if abs(committed[1] - committed[0] - 30 * GB) < GB / 2:
                break
        self.assertClose(committed[1] - committed[0], 30 * GB, GB / 2)
        self.assertGreaterEqual(after.value("virtual_bytes"), 30 * GB)
        self.assertClose(after.resident("anon"), before.resident("anon"), RESIDENT_SLACK)
        self.assertEqual(after.exposition.value("memory_overcommit_policy", policy="heuristic"), 1)
        self.saw(virtual=after.value("virtual_bytes"), resident=after.resident("anon"),
                 committed_before=committed[0], committed_after=committed[1])

    def test_more_than_there_is_in_one_piece_is_refused(self):
        with open(POLICY, encoding="ascii") as file:
            if file.read().strip() != "0":
                raise unittest.SkipTest("vm.overcommit_memory is not 0")
        total = meminfo()["MemTotal"] + meminfo()["SwapTotal"]
        program = self.start("promises", 1, total + GB)
        program.reach("start")
        self.assertEqual(program.reach(), "0")

    def test_under_the_policy_never_the_promise_is_refused_and_the_metrics_say_why(self):
        # All that others have been promised, and room for them to go on, but not for 30 GB.
        allowed = meminfo()["Committed_AS"] + 20 * GB
        exporter = self.start_exporter()
        program = self.start("promises", 1, 30 * GB)
        program.reach("start")
        with commit_limit(allowed), Setting(POLICY, 2):
            promised = program.reach()
            now = self.look(exporter)
        self.assertEqual(promised, "0")
        self.assertEqual({labels["policy"]: value for labels, value in
                          now.values("memory_overcommit_policy")},
                         {"heuristic": 0, "always": 0, "never": 1})
        limit = now.value("memory_overcommit_limit_bytes")
        committed = now.value("memory_overcommit_committed_bytes")
        self.assertGreater(committed + 30 * GB, limit)
        self.assertClose(limit, allowed + meminfo()["SwapTotal"], meminfo()["MemTotal"] / 100)
        self.saw(limit=limit, committed=committed)


if __name__ == "__main__":
    main()
