"""The stack: taking it is not using it."""

import resource
import signal

from experiments import KIB, PAGES_SLACK, RESIDENT_SLACK, Experiment, main

FRAME = 1000 * KIB


class Row01StackUntouched(Experiment):
    """A call takes stack for its array at once; resident becomes what is touched, here the one page
    a level that the call itself writes."""

    def test_the_stack_grows_with_each_level_and_the_resident_set_does_not(self):
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("stack", "untouched", 5, 8)
        program.reach("start")
        program.reach("5")
        at_5 = self.look(exporter, program)
        program.reach("8")
        at_8 = self.look(exporter, program)
        stack = at_8.segment("stack") - at_5.segment("stack")
        self.assertClose(stack, 3 * FRAME, PAGES_SLACK)
        self.assertClose(at_8.pss("anon"), at_5.pss("anon"), 3 * PAGES_SLACK)
        self.assertClose(at_8.resident("anon"), at_5.resident("anon"), RESIDENT_SLACK)
        self.saw(stack_at_5=at_5.segment("stack"), stack_at_8=at_8.segment("stack"),
                 resident_at_5=at_5.resident("anon"), resident_at_8=at_8.resident("anon"))


class Row02StackWritten(Experiment):
    def test_the_resident_set_grows_by_what_the_stack_grew(self):
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("stack", "written", 5, 8)
        program.reach("start")
        program.reach("5")
        at_5 = self.look(exporter, program)
        program.reach("8")
        at_8 = self.look(exporter, program)
        stack = at_8.segment("stack") - at_5.segment("stack")
        self.assertClose(stack, 3 * FRAME, PAGES_SLACK)
        self.assertClose(at_8.pss("anon") - at_5.pss("anon"), stack, PAGES_SLACK)
        self.assertClose(at_8.resident("anon") - at_5.resident("anon"), stack, RESIDENT_SLACK)
        self.saw(stack_at_5=at_5.segment("stack"), stack_at_8=at_8.segment("stack"),
                 resident_at_5=at_5.resident("anon"), resident_at_8=at_8.resident("anon"))


class Row03StackLimit(Experiment):
    limit = 8192 * KIB

    def test_the_ratio_is_near_one_before_the_crash(self):
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("stack", "written", 4, 8, 9)
        program.reach("start")
        program.limit(resource.RLIMIT_STACK, self.limit)
        ratios = {}
        for depth in ("4", "8"):
            program.reach(depth)
            group = self.look(exporter, program)
            ratios[depth] = group.limit_usage("stack")
            self.assertAlmostEqual(ratios[depth], group.segment("stack") / self.limit)
        self.assertClose(ratios["8"] - ratios["4"], 4 * FRAME / self.limit, 0.01)
        self.assertGreater(ratios["8"], 0.97)
        self.assertLessEqual(ratios["8"], 1)
        program.run_on()
        self.assertEqual(program.process.wait(timeout=30), -signal.SIGSEGV)
        self.saw(ratio_at_4=ratios["4"], ratio_at_8=ratios["8"], at_9="killed by SIGSEGV")


if __name__ == "__main__":
    main()
