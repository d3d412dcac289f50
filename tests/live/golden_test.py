#!/usr/bin/env python3
"""`--once` on the captured /proc in tests/golden against tests/golden/metrics.txt.

--update writes the file anew, for a change that was meant; `git diff` then shows what it does."""

import difflib
import os
import re
import sys
import unittest

import live

GOLDEN = os.path.join(live.SOURCE, "tests", "golden")
EXPECTED = os.path.join(GOLDEN, "metrics.txt")

# What the run itself decides: times, and the daemon's own process. Their values become N.
VOLATILE = re.compile(
    r"^((?:process_\w+|memory_exporter_\w*_seconds(?:_total)?|memory_group_pss_age_seconds)"
    r"(?:\{.*\})?) \S+$", re.MULTILINE)
BUILD = re.compile(r'^(memory_exporter_build_info)\{.*\} 1$', re.MULTILINE)


def actual():
    code, text, errors = live.run_daemon(
        "--once", f"--path.procfs={GOLDEN}/proc", f"--path.sysfs={GOLDEN}/sys",
        f"--path.rootfs={GOLDEN}")
    assert code == 0, errors
    live.Exposition(text)
    return BUILD.sub(r"\1{...} 1", VOLATILE.sub(r"\1 N", text))


class GoldenTest(unittest.TestCase):
    def test_output_is_as_it_was(self):
        with open(EXPECTED, encoding="utf-8") as file:
            expected = file.read()
        difference = "\n".join(difflib.unified_diff(
            expected.splitlines(), actual().splitlines(), "tests/golden/metrics.txt",
            "memory_exporter --once", lineterm=""))
        if difference:
            self.fail(f"(tests/live/golden_test.py --update, if this was meant)\n{difference}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        with open(EXPECTED, "w", encoding="utf-8") as output:
            output.write(actual())
    else:
        live.main()
