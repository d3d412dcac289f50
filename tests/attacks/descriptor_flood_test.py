"""Far more connections than the daemon may have descriptors, which come again when they are closed."""

import unittest

from attack import FULL, Clients, attack, live, look_for_end


class DescriptorFlood(unittest.TestCase):
    def under(self, limit, count, seconds):
        wrapper = ["prlimit", f"--nofile={limit}:{limit}"]
        with live.Daemon(wrapper=wrapper) as daemon:
            idle = daemon.metrics()
            attack(self, f"{count:,} connections at {limit:,} descriptors", daemon,
                   lambda: Clients(daemon.port, count, look_for_end, look_for_end, pause=0.1), seconds)
            after = daemon.metrics()
        # A scrape that lacked descriptors would lack series, or show fewer processes.
        self.assertGreater(len(after.families), 0.95 * len(idle.families))
        self.assertEqual({labels["collector"]: value for labels, value in
                          after.values("memory_exporter_collector_success") if value != 1}, {})

    def test_where_few_are_allowed(self):
        self.under(64, 200, 15 if FULL else 4)

    @unittest.skipUnless(FULL, "opens 3,000 connections")
    def test_where_the_usual_number_is_allowed(self):
        self.under(1024, 900, 15)


if __name__ == "__main__":
    live.need_command("prlimit")
    live.main()
