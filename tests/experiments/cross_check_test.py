"""What other tools say of the same stopped processes: ps, pmap and smem, which read status, smaps and
smaps again by themselves."""

import subprocess

from experiments import KIB, Experiment, live, main
from mappings_test import pmap

POPULATION = ("private:2:8:cross_private", "cow:2:8:cross_cow", "file:2:8:cross_file",
              "shmem:2:8:cross_shmem")
# One tool at work is a mapper more of what all share, such as the vdso.
SHARED = 4 * KIB


def output(*command):
    live.need_command(command[0])
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class CrossCheck(Experiment):
    def setUp(self):
        self.population = self.enterContext(live.Population(*POPULATION))
        self.exporter = self.start_exporter("--collector.mappings", "--collector.process_details")

    def groups(self):
        for name in self.population.names():
            yield name, self.population.pids(name), self.look(self.exporter, name)

    def test_ps(self):
        for name, pids, group in self.groups():
            lines = output("ps", "-o", "rss=,vsz=,nlwp=,min_flt=,maj_flt=", "-p",
                           ",".join(map(str, pids))).splitlines()
            rss, vsz, threads, minor, major = (
                sum(column) for column in zip(*(map(int, line.split()) for line in lines)))
            with self.subTest(name):
                self.assertEqual(group.value("resident_bytes"), rss * KIB)
                self.assertEqual(group.value("virtual_bytes"), vsz * KIB)
                self.assertEqual(group.value("threads"), threads)
                self.assertEqual(group.value("page_faults_total", severity="minor"), minor)
                self.assertEqual(group.value("page_faults_total", severity="major"), major)

    def test_pmap(self):
        for name, pids, group in self.groups():
            rows = [row for pid in pids for row in pmap(pid)[0]]

            def total(column):
                return sum(row[column] for row in rows)
            with self.subTest(name):
                self.assertEqual(sum(group.regions("virtual_bytes").values()), total("Size"))
                self.assertEqual(sum(group.regions("resident_bytes").values()), total("Rss"))
                self.assertEqual(sum(group.regions("swap_bytes").values()), total("Swap"))
                self.assertEqual(sum(group.regions("mappings").values()), len(rows))
                self.assertClose(sum(group.regions("pss_bytes").values()), total("Pss"), SHARED)
                # The rollup does not cut each mapping's share to whole KiB.
                self.assertClose(group.value("pss_bytes"), total("Pss"),
                                 SHARED + len(rows) * KIB)
                self.assertEqual(group.value("anonymous_bytes"), total("Anonymous"))
                self.assertEqual(group.value("locked_bytes"), total("Locked"))

    def test_smem(self):
        lines = output("smem", "-H", "-c", "pid uss pss rss swap vss").splitlines()
        figures = {int(line.split()[0]): [int(cell) * KIB for cell in line.split()[1:]]
                   for line in lines}
        for name, pids, group in self.groups():
            uss, pss, rss, swap, vss = (sum(column) for column in
                                        zip(*(figures[pid] for pid in pids)))
            with self.subTest(name):
                self.assertEqual(group.value("uss_bytes"), uss)
                self.assertClose(group.value("pss_bytes"), pss,
                                 SHARED + group.exposition.sum("memory_group_region_mappings",
                                                               name=name) * KIB)
                self.assertEqual(sum(group.regions("resident_bytes").values()), rss)
                self.assertEqual(group.value("swap_bytes"), swap)
                self.assertEqual(sum(group.regions("virtual_bytes").values()), vss)


if __name__ == "__main__":
    main()
