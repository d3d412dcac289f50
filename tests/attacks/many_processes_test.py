"""Ten thousand processes: scrapes keep their deadline, and in the end each of them is measured."""

import time
import unittest

from attack import FULL, Crowd, State, live, report, settled, expect_as_before, MIB

COUNT = 10_000 if FULL else 1_000


class ManyProcesses(unittest.TestCase):
    def test_all_are_counted_and_in_the_end_measured(self):
        seconds = []

        def scrape():
            began = time.monotonic()
            metrics = daemon.metrics()
            seconds.append(time.monotonic() - began)
            return metrics

        def all_measured():
            metrics = scrape()
            time.sleep(0.2)
            missing = metrics.sum("memory_group_unmeasured_resident_bytes", name="same")
            return metrics if not missing else None

        with live.Daemon() as daemon:
            before = settled(daemon)
            with Crowd("sleep", COUNT, "same"):
                self.assertEqual(scrape().value("memory_group_processes", name="same"), COUNT + 0)
                first = seconds[0]
                metrics = live.wait_until(all_measured, 300 if FULL else 60, "all are measured")
                self.assertGreater(metrics.sum("memory_group_pss_bytes", name="same"), COUNT * 4096)
                during = State(daemon.pid)
            # What is left of them shares its pages with what is in use: 1.1 MiB of 5.
            after = expect_as_before(self, daemon, before, more=2 * MIB)
        report(f"{COUNT:,} processes", **{
            "scrapes": len(seconds), "first s": round(first, 2), "median s":
            round(sorted(seconds)[len(seconds) // 2], 2), "RSS before MiB":
            round(before.resident / MIB, 2), "during": round(during.resident / MIB, 2), "after":
            round(after.resident / MIB, 2)})
        self.assertLess(max(seconds), 10)


if __name__ == "__main__":
    live.main()
