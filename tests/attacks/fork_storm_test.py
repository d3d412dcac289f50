"""A thousand processes a second that end at once: most are gone while they are read. No counter falls,
no series comes twice, and nothing of them stays."""

import threading
import unittest

from attack import FULL, Crowd, attack, live
from counters import Counters

SECONDS = 120 if FULL else 5


class ForkStorm(unittest.TestCase):
    def test_no_counter_falls_and_nothing_stays(self):
        with live.Daemon() as daemon:
            crowds, counters, over = [], Counters(), threading.Event()

            def follow():
                while not over.is_set():
                    counters.follow(daemon.metrics())
                    over.wait(1)

            def storm():
                crowds.append(Crowd("fork", 1000, 0))
                return crowds[0]
            follower = threading.Thread(target=follow)
            follower.start()
            try:
                attack(self, "1,000 forks a second", daemon, storm, SECONDS, every=1)
            finally:
                over.set()
                follower.join()
        self.assertEqual(counters.fell, [])
        self.assertGreater(counters.followed, 50)
        self.assertGreater(crowds[0].end(), 10 * SECONDS)


if __name__ == "__main__":
    live.main()
