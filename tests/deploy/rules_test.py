#!/usr/bin/env python3
"""The rules on made-up histories: which alerts fire at any time in them, and which never do.

Each case gives the history of some series as functions of the hour, and the alerts that must have
fired by its end: no other may have, not even for one evaluation.
"""

import concurrent.futures
import json
import math
import os
import re
import unittest

from support import PROJECT, RULES, folder, live, run

MIB = 1 << 20
GIB = 1 << 30


# Shapes of memory over time: functions of the hour, in MiB.

def flat(level):
    return lambda hour: level


def linear(start, per_hour):
    return lambda hour: start + per_hour * hour


def steps(start, height, every_hours):
    return lambda hour: start + height * math.floor(hour / every_hours + 1e-9)


def step(before, after, at):
    return lambda hour: before if hour < at else after


def sawtooth(low, high, period):
    """What a garbage collector leaves: a rise, and a fall to the same level."""
    return lambda hour: low + (high - low) * (hour / period % 1)


def working_days(low, high):
    """Low at night, high by day, the same every day."""
    return lambda hour: high if 8 <= hour % 24 < 20 else low


def restart(level, fresh, at, warm_up):
    """Falls to `fresh`, and is back at `level` when it has warmed up."""
    return lambda hour: (level if hour < at else
                         min(level, fresh + (level - fresh) * (hour - at) / warm_up))


def plus(*shapes):
    return lambda hour: sum(shape(hour) for shape in shapes)


def between(start, end, shape, outside=None):
    """The shape from start to end; elsewhere `outside`, or no sample."""
    return lambda hour: shape(hour) if start <= hour < end else outside


def counter(per_second):
    return lambda hour: per_second * hour * 3600


# Series.

def group(metric, **labels):
    labels = {"job": "memory_exporter", "instance": "a:10042", "name": "app", "cgroup": "/app",
              **labels}
    return f"memory_group_{metric}" + json_labels(labels)


def node(metric, **labels):
    return metric + json_labels({"job": "memory_exporter", "instance": "a:10042", **labels})


def json_labels(labels):
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def pss(shape, kind="anon", **labels):
    return {group("pss_bytes", kind=kind, **labels): (shape, MIB)}


def swap(shape):
    return {group("swap_bytes"): (shape, MIB), group("swap_pss_bytes"): (shape, MIB)}


def meminfo(**shapes):
    """Fields of /proc/meminfo in GiB."""
    return {node(f"memory_meminfo_{field}_bytes"): (shape, GIB) for field, shape in shapes.items()}


def plain(series, shape):
    return {series: (shape, 1)}


GROWS = {"MemoryGroupGrows"}
DAILY = {"MemoryGroupGrowsDaily"}
QUIET = set()

# What the group alerts fire on, and what leaves them quiet: name, hours, series, alerts.
GROUPS = [
    ("a linear leak", 12, pss(linear(200, 40)), GROWS),
    ("a leak in steps, one in 90 minutes", 14, pss(steps(200, 100, 1.5)), GROWS),
    ("a leak of shared memory", 12, pss(linear(200, 40), "shmem"), GROWS),
    ("a leak that goes to swap only", 12, pss(flat(200)) | swap(linear(0, 50)), GROWS),
    ("a leak in swap of a group whose PSS is denied", 12,
     {group("unmeasured_resident_bytes", reason="denied"): (flat(200), MIB),
      group("swap_bytes"): (linear(0, 50), MIB)}, GROWS),
    ("a leak of a group whose PSS is denied", 12,
     {group("unmeasured_resident_bytes", reason="denied"): (linear(200, 50), MIB)}, GROWS),
    ("a leak while old pages are swapped out", 12,
     pss(plus(linear(400, 40), linear(0, -30))) | swap(linear(0, 30)), GROWS),
    ("a leak below a garbage collector's sawtooth", 12,
     pss(plus(sawtooth(200, 900, 0.75), linear(0, 40))), GROWS),
    ("a leak of a process that is called other", 12, pss(linear(200, 40), name="other"), GROWS),
    ("the group that others fold into", 12,
     pss(linear(200, 40), name="other", cgroup="other"), QUIET),
    ("the same where groups have a name alone", 12,
     pss(linear(200, 40), name="other", cgroup=""), QUIET),
    ("the same where groups have a cgroup alone", 12,
     pss(linear(200, 40), name="", cgroup="other"), QUIET),
    ("a leak during which the exporter was away for 40 minutes", 14,
     pss(lambda hour: None if 5 <= hour < 5.65 else 200 + 60 * hour), GROWS),
    ("a leak that will fill the node", 12,
     pss(linear(200, 500)) | meminfo(mem_total=flat(8), mem_available=flat(1.5), swap_free=flat(0)),
     GROWS | {"MemoryGroupFillsNode"}),
    ("a leak of 40 MiB a day", 24 * 7, pss(linear(300, 40 / 24)), DAILY),
    ("the group that others fold into, day by day", 24 * 7,
     pss(linear(300, 40 / 24), name="other", cgroup="other"), QUIET),
    ("the same where groups have a name alone, day by day", 24 * 7,
     pss(linear(300, 40 / 24), name="other", cgroup=""), QUIET),
    ("a leak of 40 MiB a day below busy days", 24 * 7,
     pss(plus(working_days(300, 800), linear(0, 40 / 24))), DAILY),

    ("a garbage collector's sawtooth of 20 minutes", 16, pss(sawtooth(200, 900, 1 / 3)), QUIET),
    ("a garbage collector's sawtooth of 45 minutes", 16, pss(sawtooth(200, 900, 0.75)), QUIET),
    ("a garbage collector's sawtooth of 3 hours", 16, pss(sawtooth(200, 2000, 3)), QUIET),
    ("a garbage collector's sawtooth of 5.9 hours", 36, pss(sawtooth(200, 2000, 5.9)), QUIET),
    ("a step that happens once", 16, pss(step(200, 2200, 6)), QUIET),
    ("a ramp of 90 minutes to a new level", 16,
     pss(lambda hour: 200 + 1800 * min(max(hour - 6, 0), 1.5)), QUIET),
    ("a step down", 16, pss(step(2200, 200, 6)), QUIET),
    ("a restart that warms up in 90 minutes", 16, pss(restart(900, 50, 8, 1.5)), QUIET),
    ("a start that warms up in 90 minutes", 16,
     pss(between(3, 16, restart(900, 50, 3, 1.5))), QUIET),
    ("a job of three hours that only grows", 16, pss(between(3, 6, linear(0, 300))), QUIET),
    ("pages that move from RAM to swap", 16, pss(linear(2000, -50)) | swap(linear(0, 50)), QUIET),
    ("shared pages of ten forks that are swapped out", 16,
     pss(linear(2000, -50)) | {group("swap_pss_bytes"): (linear(0, 50), MIB),
                               group("swap_bytes"): (linear(0, 500), MIB)}, QUIET),
    ("page cache that fills: mapped files", 16,
     pss(flat(200)) | pss(linear(0, 300), "file"), QUIET),
    ("growth too small to matter", 16, pss(linear(20, 4)), QUIET),
    ("growth too small for a group this large", 16, pss(linear(100_000, 100)), QUIET),
    ("busy days that are all alike", 24 * 7, pss(working_days(300, 800)), QUIET),
    ("a ramp of 30 hours to a new level", 24 * 7,
     pss(lambda hour: 300 + 6 * min(max(hour - 24, 0), 30)), QUIET),
    ("a new level after a deployment, and another two days later", 24 * 7,
     pss(lambda hour: 300 if hour < 30 else 400 if hour < 78 else 500), QUIET),
]

POLICY = {policy: node("memory_overcommit_policy", policy=policy)
          for policy in ("heuristic", "always", "never")}


def available(ratio):
    return meminfo(mem_total=flat(16), mem_available=lambda hour: 16 * ratio(hour))


def swap_used(shape, total=8):
    return meminfo(swap_total=flat(total), swap_free=lambda hour: total - shape(hour))


def commit(ratio, policy):
    return (plain(node("memory_overcommit_limit_bytes"), flat(100 * GIB))
            | plain(node("memory_overcommit_committed_bytes"), flat(ratio * 100 * GIB))
            | {series: (flat(int(name == policy)), 1) for name, series in POLICY.items()})


def scraped(job, up, served=flat(1), instance="b:10042"):
    return (plain(f'up{{job="{job}",instance="{instance}"}}', up)
            | plain(f'memory_exporter_build_info{{job="{job}",instance="{instance}"}}', served))


def unmeasured(reason, share):
    return ({group("resident_bytes", kind=kind): (flat(500), MIB) for kind in ("anon", "file")}
            | {group("unmeasured_resident_bytes", reason=reason): (share, 1000 * MIB)})


NODE = [
    ("little memory available", 1, available(flat(0.04)), {"MemoryNodeShort"}),
    ("less available than usual while tasks wait", 1,
     available(flat(0.12)) | plain(node("memory_pressure_waiting_seconds_total"), counter(0.2)),
     {"MemoryNodeShort"}),
    ("less available than usual and nobody waits", 1,
     available(flat(0.12)) | plain(node("memory_pressure_waiting_seconds_total"), counter(0)),
     QUIET),
    ("tasks wait though memory is there", 1,
     available(flat(0.5)) | plain(node("memory_pressure_waiting_seconds_total"), counter(0.2)),
     QUIET),
    ("little available for five minutes", 1, available(between(0.2, 0.3, flat(0.04), 0.5)), QUIET),
    ("nothing runs a fifth of the time", 1,
     plain(node("memory_pressure_stalled_seconds_total"), counter(0.2)), {"MemoryNodeStalls"}),
    ("nothing runs a hundredth of the time", 1,
     plain(node("memory_pressure_stalled_seconds_total"), counter(0.01)), QUIET),

    ("swap that fills", 12, swap_used(linear(0.5, 0.3)), {"MemorySwapGrows"}),
    ("swap that fills in steps of 90 minutes", 14, swap_used(steps(0.5, 0.5, 1.5)),
     {"MemorySwapGrows"}),
    ("swap that was used once", 16, swap_used(step(0, 5, 6)), QUIET),
    ("swap that comes and goes", 16, swap_used(sawtooth(0, 6, 0.75)), QUIET),
    ("swap that grows and would take a week to fill", 16, swap_used(linear(0, 0.045)), QUIET),
    ("no swap", 12, meminfo(swap_total=flat(0), swap_free=flat(0)), QUIET),

    ("an OOM kill", 1, plain(node("memory_vmstat_oom_kill_total"), step(3, 4, 0.5)),
     {"MemoryOomKill"}),
    ("OOM kills long ago, and a reboot", 1, plain(node("memory_vmstat_oom_kill_total"),
                                                  step(3, 0, 0.5)), QUIET),
    ("the commit limit is near", 1, commit(0.95, "never"), {"MemoryCommitLimitNear"}),
    ("the commit limit is far", 1, commit(0.85, "never"), QUIET),
    ("the commit limit is passed and does not count", 1, commit(1.5, "heuristic"), QUIET),

    ("an exporter that never answered", 1,
     plain('up{job="memory_exporter",instance="b:10042"}', flat(0)), {"MemoryExporterDown"}),
    ("an exporter in a cluster that never answered", 1,
     plain('up{job="monitoring/memory-exporter",instance="b:10042"}', flat(0)),
     {"MemoryExporterDown"}),
    ("an exporter in a job of another name goes away", 24,
     scraped("kubernetes-pods", step(1, 0, 2), between(0, 2, flat(1))), {"MemoryExporterDown"}),
    ("an exporter that misses two scrapes", 1, scraped("memory_exporter",
                                                       between(0.5, 0.53, flat(0), 1)), QUIET),
    ("another target in that job goes away", 1,
     plain('up{job="kubernetes-pods",instance="c:80"}', flat(0))
     | scraped("kubernetes-pods", flat(1)), QUIET),

    ("a fifth is denied", 1, unmeasured("denied", flat(0.2)), {"MemoryExporterUnmeasured"}),
    ("a fifth stays pending", 1, unmeasured("pending", flat(0.2)), {"MemoryExporterUnmeasured"}),
    ("the kernel tells no PSS", 1, unmeasured("unsupported", flat(1)), {"MemoryExporterUnmeasured"}),
    ("all is pending after a start", 1, unmeasured("pending", step(1, 0, 0.2)), QUIET),
    ("a twentieth is denied", 1, unmeasured("denied", flat(0.05)), QUIET),
    ("a collector fails", 1,
     plain(node("memory_exporter_collector_success", collector="vmstat"), flat(0)),
     {"MemoryExporterCollectorFails"}),
    ("a collector failed once", 1,
     plain(node("memory_exporter_collector_success", collector="vmstat"), step(0, 1, 0.2)), QUIET),
]


def history(name, hours, series, alerts, minutes):
    """The case as promtool wants it."""
    samples = range(hours * 60 // minutes + 1)

    def values(shape, unit):
        levels = (shape(sample * minutes / 60) for sample in samples)
        return " ".join("_" if level is None else repr(float(level * unit)) for level in levels)

    return {
        "name": name,
        "interval": f"{minutes}m",
        "input_series": [{"series": label, "values": values(*trace)}
                         for label, trace in series.items()],
        "promql_expr_test": [{
            "expr": 'group by (alertname) (last_over_time(ALERTS{alertstate="firing"}[30d]))',
            "eval_time": f"{hours}h",
            "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}
                            for alert in sorted(alerts)],
        }],
    }


def check_histories(cases, minutes):
    promtool = live.need_command("promtool")
    with folder() as work:
        def failure(case):
            file = work / f"{cases.index(case)}.yml"
            file.write_text(json.dumps({  # every JSON is YAML
                "rule_files": [str(RULES)],
                "evaluation_interval": f"{minutes}m",
                "tests": [history(*case, minutes)],
            }))
            try:
                run(promtool, "test", "rules", file)
            except AssertionError as failed:
                return f"{case[0]}: {failed}"

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            failures = list(filter(None, workers.map(failure, cases)))
    assert not failures, "\n".join(failures)


class RulesTest(unittest.TestCase):
    def test_the_rules_are_clean(self):
        run(live.need_command("promtool"), "check", "rules", "--lint=all", "--lint-fatal", RULES)

    def test_leaks_fire_and_what_only_looks_like_one_does_not(self):
        check_histories(GROUPS, minutes=5)

    def test_the_node_and_the_exporter(self):
        check_histories(NODE, minutes=1)

    def test_every_alert_fires_in_some_history(self):
        alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
        assert alerts == set().union(*(case[3] for case in GROUPS + NODE))

    def test_every_alert_has_its_section_in_the_docs_and_links_to_it(self):
        alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
        page = (PROJECT / "docs" / "alerts.md").read_text()
        sections = re.findall(r"^## (Memory\w+)$", page, re.M)
        links = re.findall(r"runbook: docs/alerts\.md#(\w+)$", RULES.read_text(), re.M)
        assert sections == alerts, f"docs/alerts.md has {sections}, the rules {alerts}"
        assert links == [alert.lower() for alert in alerts], links


if __name__ == "__main__":
    live.main()
