#!/usr/bin/env python3
"""The alert rules with a real Prometheus, the real exporter and a program that leaks. An hour of
the rules lasts five seconds here; nothing else in them is changed."""

import contextlib
import re
import subprocess
import sys
import time
import unittest

from support import RULES, folder, live

HOUR = 5

# A program named argv[1] that takes argv[2] MiB and argv[3] MiB more in every second.
PROGRAM = """
import sys, time
name, start, growth = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open("/proc/self/comm", "w") as comm:
    comm.write(name)
held = [b"x" * (start << 20)]
while True:
    time.sleep(1)
    held.append(b"x" * (growth << 20))
"""


def seconds(match):
    number, unit = int(match[1]), match[2]
    hours = number * {"m": 1 / 60, "h": 1, "d": 24, "w": 7 * 24}[unit]
    # Less than a few scrapes make no rate.
    return f"{max(4, round(hours * HOUR))}s"


def compressed(rules):
    """The rules with every duration shortened."""
    return re.sub(r"\b(\d+)([mhdw])\b", seconds, rules)


@contextlib.contextmanager
def program(name, start, growth):
    command = [sys.executable, "-c", PROGRAM, name, str(start), str(growth)]
    with subprocess.Popen(command) as running:
        try:
            yield
        finally:
            running.terminate()


def firing(prometheus, alert, name=None):
    return [found for found in prometheus.api("alerts")["alerts"]
            if found["labels"]["alertname"] == alert and found["state"] == "firing"
            and found["labels"].get("name") == name]


class AlertsTest(unittest.TestCase):
    def test_the_rules_name_metrics_that_the_exporter_serves(self):
        rules = "".join(line for line in RULES.read_text().splitlines(True)
                        if not re.match(r"\s*(#|- name:)", line))
        # Not what follows a colon, which is a record, nor what a bracket goes on with, a pattern.
        named = set(re.findall(r"(?<![:\w])memory_[a-z0-9]+_[a-z0-9_]+(?=[ )\[{/\n])", rules))
        assert len(named) > 10, named
        with live.Daemon() as daemon:
            served = set(daemon.metrics().families)
        assert named <= served, f"not served: {sorted(named - served)}"

    def test_a_leak_fires_and_only_the_leak(self):
        command = live.need_command("prometheus")
        with folder() as work, contextlib.ExitStack() as target:
            rules = work / "rules.yml"
            rules.write_text(compressed(RULES.read_text()))
            daemon = target.enter_context(live.Daemon())
            with live.Prometheus(daemon.port, command, job="memory_exporter", interval="1s",
                                 rules=[rules]) as prometheus, \
                    program("leaks", 50, 8), program("holds", 200, 0):
                started = time.monotonic()
                # Other programs of this machine may well grow for as long as an hour lasts here.
                alert = live.wait_until(
                    lambda: firing(prometheus, "MemoryGroupGrows", "leaks"), 12 * HOUR, "the alert")
                print(f"  MemoryGroupGrows after {time.monotonic() - started:.0f} s, "
                      f"which stand for {(time.monotonic() - started) / HOUR:.1f} hours")
                assert not firing(prometheus, "MemoryGroupGrows", "holds")
                for text in alert[0]["annotations"].values():
                    assert "error" not in text and "no value" not in text, text
                assert alert[0]["annotations"]["summary"].startswith("leaks on 127.0.0.1:"), alert
                assert not firing(prometheus, "MemoryExporterDown")

                target.close()
                live.wait_until(lambda: firing(prometheus, "MemoryExporterDown"), 20,
                                "MemoryExporterDown")


if __name__ == "__main__":
    live.main()
