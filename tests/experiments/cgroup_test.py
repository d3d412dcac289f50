"""A memory cgroup and its limit."""

import signal

from experiments import MIB, Experiment, MemoryCgroup, main


class Row21Overrun(Experiment):
    limit = 32 * MIB

    def test_an_oom_kill_is_counted_and_outlives_the_process(self):
        cgroup = self.enterContext(MemoryCgroup(self.limit))
        exporter = self.start_exporter("--collector.cgroup")
        program = self.start("overrun", 2 * self.limit, cgroup=cgroup)
        program.reach("start")

        def look():
            now = self.look(exporter)
            return {"group": now.sum("memory_group_processes", name=program.name,
                                     cgroup=cgroup.label),
                    "cgroup": now.value("memory_cgroup_events_total", cgroup=cgroup.label,
                                        event="oom_kill"),
                    "machine": now.value("memory_vmstat_oom_kill_total"),
                    "limit": now.value("memory_cgroup_max_bytes", cgroup=cgroup.label)}
        before = look()
        program.run_on()
        self.assertEqual(program.process.wait(timeout=30), -signal.SIGKILL)
        after, later = look(), look()
        self.assertEqual(before["limit"], self.limit)
        self.assertEqual(before["group"], 1)
        self.assertEqual(after["cgroup"] - before["cgroup"], 1)
        self.assertEqual(after["machine"] - before["machine"], 1)
        self.assertEqual(after["group"], 0)
        self.assertEqual(later, after)
        self.saw(**{f"{name}_{when}": value for when, figures in
                    (("before", before), ("after", after)) for name, value in figures.items()})


if __name__ == "__main__":
    main()
