"""Processes that take a name each second that never was: groups, replies and memory stay bounded."""

import os
import signal
import tempfile
import unittest

from attack import FULL, MIB, Crowd, attack, live, memory_of_the_unit

MAX_GROUPS = 1000 if FULL else 200
PROCESSES = 2000 if FULL else 200


class GroupChurn(unittest.TestCase):
    def configure(self, max_groups):
        with open(self.file.name, "w", encoding="utf-8") as file:
            file.write(f"max_groups: {max_groups}\n")

    def setUp(self):
        self.file = self.enterContext(tempfile.NamedTemporaryFile("w", suffix=".yml"))

    def test_names_without_end_leave_nothing_behind(self):
        """But the groups that are kept for a quarter of an hour after their processes: a smaller
        bound lets go of them at once."""
        def forget():
            self.configure(1)
            os.kill(daemon.pid, signal.SIGHUP)

        self.configure(MAX_GROUPS)
        wrapper = self.enterContext(memory_of_the_unit())
        daemon = self.enterContext(live.Daemon(f"--config.file={self.file.name}", wrapper=wrapper))
        during = attack(self, f"{PROCESSES:,} processes that rename themselves", daemon,
                        lambda: Crowd("rename", PROCESSES, 1 if FULL else 4), 50 if FULL else 5,
                        every=1, forget=forget)
        self.assertGreater(max(during.sizes), 500 * MAX_GROUPS)
        self.assertLess(max(during.sizes), 8 * MIB)


if __name__ == "__main__":
    live.main()
