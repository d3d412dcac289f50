"""Every test that docs/reliability.md names is there, and every attack is named in it."""

import glob
import os
import re
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class ReliabilityPageTest(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(SOURCE, "docs", "reliability.md"), encoding="utf-8") as file:
            self.named = set(re.findall(r"tests/[\w/.]+", file.read()))

    def test_names_what_is_there(self):
        self.assertGreater(len(self.named), 20)
        for path in sorted(self.named):
            with self.subTest(path=path):
                self.assertTrue(os.path.exists(os.path.join(SOURCE, path.rstrip("."))))

    def test_names_every_attack(self):
        for path in glob.glob(os.path.join(SOURCE, "tests", "attacks", "*_test.py")):
            self.assertIn(os.path.relpath(path, SOURCE), self.named)


if __name__ == "__main__":
    unittest.main()
