"""Configuration files with mistakes, made from the example by a grammar of mistakes: each is refused in
one line that says where, soon, and in little memory; a reload of it changes nothing."""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from attack import FULL, SOURCE, MIB, expect_as_before, live, report, settled

COUNT = 300 if FULL else 40
SEED = int(os.environ.get("MEMORY_EXPORTER_SEED", "1"))
EXAMPLE = os.path.join(SOURCE, "config", "memory_exporter.example.yml")

VALUES = ["", "~", "null", "yes", "1e999", "-1", "nan", "[]", "{}", "[a]", "{a: b}", "'", '"', "*x", "&x",
          "!tag x", "5 s", "-5s", "99999999999999999999s", "0x10", '"\\xff"', "|\n   a", "> a", "101%",
          "\t5", "?", "- a", ": b", "@x", "'500ms", "[name, name]", "[[name]]", "(" * 5000, "[" * 5000]
SIGNS = [chr(code) for code in (0, 1, 7, 27, 127, 0x85, 0x2028, 0x202e, 0xfeff, 0x10ffff)] + \
    list("{}[]\"'&*%@|,")
ENDS = ["---", "...\nfoo: 1", "pss: {}", "group_by: [name]", "? [a]\n: b", "<<: *x", "%YAML 9.9", ",",
        "{pss: {wait: 1s}},", "]", "a,"]


def broken(rand, lines):
    lines = list(lines)
    at = rand.choice([i for i, line in enumerate(lines) if line.strip() and line.strip()[0] != "#"])
    line = lines[at]
    kind = rand.randrange(8)
    if kind == 0:
        lines[at] = line.replace(":", "", 1)
    elif kind == 1:
        lines[at] = re.sub(r":.*", lambda _: ": " + rand.choice(VALUES), line)
    elif kind == 2:
        lines[at] = re.sub(r"\w+:", lambda key: "x" + key[0], line, count=1)
    elif kind == 3:
        lines.insert(at, line)
    elif kind == 4:
        lines[at] = rand.choice(["\t", " "]) + line
    elif kind == 5:
        cut = rand.randrange(len(line) + 1)
        lines[at] = line[:cut] + rand.choice(SIGNS) + line[cut:]
    elif kind == 6:
        lines[at] = line[:rand.randrange(len(line) + 1)]
    else:
        lines.append(rand.choice(ENDS))
    return "\n".join(lines)


class BrokenConfiguration(unittest.TestCase):
    def setUp(self):
        self.file = self.enterContext(tempfile.NamedTemporaryFile("w", suffix=".yml"))
        with open(EXAMPLE, encoding="utf-8") as file:
            self.example = file.read()

    def put(self, text):
        with open(self.file.name, "w", encoding="utf-8") as file:
            file.write(text)

    def refused(self, text):
        """Whether it is; and how long that took."""
        self.put(text)
        limit = [] if live.SANITIZED else ["prlimit", f"--as={100 * MIB}"]
        began = time.monotonic()
        done = subprocess.run([*limit, live.DAEMON, f"--config.file={self.file.name}",
                               "--config.check"], capture_output=True, timeout=30)
        seconds = time.monotonic() - began
        if done.returncode != 0:
            errors = done.stderr.decode("utf-8")
            self.assertEqual((done.returncode, done.stdout), (2, b""), errors)
            self.assertRegex(errors, r"\A[^\n]{1,2000}\n\Z")
            self.assertRegex(errors, re.escape(self.file.name) + r":\d+:\d+: ")
            self.assertEqual([sign for sign in errors[:-1] if not sign.isprintable()], [])
        return done.returncode != 0, seconds

    def test_each_is_refused_in_one_line_and_changes_nothing(self):
        print(f"seed {SEED}", file=sys.stderr)
        rand = random.Random(SEED)
        bad, longest, tried = [], 0.0, 0
        while len(bad) < COUNT:
            text = broken(rand, self.example.split("\n"))
            tried += 1
            self.assertLess(tried, 10 * COUNT)
            with self.subTest(text=text[:0] + repr(text[-80:])):
                is_bad, seconds = self.refused(text)
                longest = max(longest, seconds)
                if is_bad:
                    bad.append(text)
        self.assertLess(longest, 10)
        self.reload(bad, longest)

    def reload(self, bad, longest):
        self.put(self.example.replace("vmstat: true", "vmstat: false"))
        with live.Daemon(f"--config.file={self.file.name}") as daemon:
            before = settled(daemon)
            refused = daemon.log.count("configuration refused")
            for text in bad:
                self.put(text)
                os.kill(daemon.pid, signal.SIGHUP)
                time.sleep(0.05)
            live.wait_until(lambda: daemon.metrics().value(
                "memory_exporter_config_last_reload_successful") == 0, 10, "a reload has failed")
            self.assertNotIn("memory_vmstat_pgfault_total", daemon.metrics().families)
            after = expect_as_before(self, daemon, before)
            self.assertGreater(daemon.log.count("configuration refused"), refused)
            self.put(self.example)
            os.kill(daemon.pid, signal.SIGHUP)
            live.wait_until(lambda: daemon.metrics().value(
                "memory_exporter_config_last_reload_successful") == 1, 10, "a good file is taken")
        report(f"{len(bad)} broken configurations", **{
            "longest check s": round(longest, 2), "RSS before and after": f"{before}; {after}"})


if __name__ == "__main__":
    live.main()
