#!/usr/bin/env python3
"""The alert rules with a real Prometheus, the real exporter and a program that leaks. An hour of
the rules lasts five seconds here; nothing else in them is changed."""

import contextlib
import re
import subprocess
import sys
import time

from support import RULES, exporter, folder, get, main, prometheus, until

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


def firing(server, alert, name=None):
    return [found for found in server.api("alerts")["alerts"]
            if found["labels"]["alertname"] == alert and found["state"] == "firing"
            and found["labels"].get("name") == name]


def test_the_rules_name_metrics_that_the_exporter_serves():
    rules = "".join(line for line in RULES.read_text().splitlines(True)
                    if not re.match(r"\s*(#|- name:)", line))
    # Not what follows a colon, which is a record, nor what a bracket goes on with, a pattern.
    named = set(re.findall(r"(?<![:\w])memory_[a-z0-9]+_[a-z0-9_]+(?=[ )\[{/\n])", rules))
    assert len(named) > 10, named
    with folder() as work, exporter(work) as address:
        served = set(re.findall(r"^# TYPE (\S+)", get(f"http://{address}/metrics"), re.M))
    assert named <= served, f"not served: {sorted(named - served)}"


def test_a_leak_fires_and_only_the_leak():
    with folder() as work, contextlib.ExitStack() as target:
        rules = work / "rules.yml"
        rules.write_text(compressed(RULES.read_text()))
        address = target.enter_context(exporter(work))
        with prometheus(work, {"memory_exporter": address}, rules) as server, \
                program("leaks", 50, 8), program("holds", 200, 0):
            started = time.monotonic()
            # Other programs of this machine may well grow for as long as an hour lasts here.
            alert = until(lambda: firing(server, "MemoryGroupGrows", "leaks"), 12 * HOUR,
                          "the alert", 0.5)
            print(f"  MemoryGroupGrows after {time.monotonic() - started:.0f} s, "
                  f"which stand for {(time.monotonic() - started) / HOUR:.1f} hours")
            assert not firing(server, "MemoryGroupGrows", "holds")
            for text in alert[0]["annotations"].values():
                assert "error" not in text and "no value" not in text, text
            assert alert[0]["annotations"]["summary"].startswith("leaks on 127.0.0.1:"), alert
            assert not firing(server, "MemoryExporterDown")

            target.close()
            until(lambda: firing(server, "MemoryExporterDown"), 20, "MemoryExporterDown", 0.5)


main(test_the_rules_name_metrics_that_the_exporter_serves, test_a_leak_fires_and_only_the_leak)
