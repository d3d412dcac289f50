"""All groups together are all processes together, on a machine that is calm: a pid namespace of its own
in which most of the memory stands still."""

import time
import unittest

import live

POPULATION = ("private:4:40:still", "cow:4:40:still_cow", "file:4:40:still_file",
              "shmem:4:40:still_shmem")


def pss_of_all_processes():
    total = 0
    for pid in live.living_pids():
        rollup = live.read_keyed(f"/proc/{pid}/smaps_rollup")
        total += rollup["Pss_Anon"] + rollup["Pss_File"] + rollup["Pss_Shmem"]
    return total


class WholeMachineTest(unittest.TestCase):
    def check(self, *flags):
        command = live.need_command("prometheus")
        with live.Population(*POPULATION), live.Daemon(*flags) as daemon, \
                live.Prometheus(daemon.port, command) as prometheus:
            prometheus.scrape_begun_after(time.time())
            before = pss_of_all_processes()
            moment = prometheus.scrape_begun_after(time.time())
            (_, total), = prometheus.query("sum(memory_group_pss_bytes)", moment)
            (_, processes), = prometheus.query("sum(memory_group_processes)", moment)
            after = pss_of_all_processes()
            # What moves is Prometheus, some 100 MiB of 400.
            self.assertLess(0.99 * min(before, after), total)
            self.assertLess(total, 1.01 * max(before, after))
            self.assertEqual(processes, len(live.living_pids()))

    def test_in_the_default_mode(self):
        self.check()

    def test_in_exact_mode(self):
        self.check("--pss.mode=exact")


if __name__ == "__main__":
    live.in_own_pid_namespace()
    live.main()
