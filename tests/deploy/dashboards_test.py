#!/usr/bin/env python3
"""Every query of the dashboards, against a real Prometheus that has scraped the exporter: no error,
and nothing empty."""

import contextlib
import itertools
import json
import math
import re
import unittest

from support import PROJECT, live, run

DASHBOARDS = {file.stem: json.loads(file.read_text())
              for file in sorted((PROJECT / "grafana" / "dashboards").glob("*.json"))}

# Seconds of history that the queries look at.
RANGE = 12

# Panels that are rightly empty on this machine: title to reason.
EMPTY = {}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def some_swap():
    """Swap on a file, where the machine has none; taken off again."""
    with open("/proc/swaps") as swaps:
        if len(swaps.readlines()) > 1:
            return contextlib.nullcontext()
    try:
        return live.SwapFile(16)
    except unittest.SkipTest as reason:
        EMPTY["Swap by device"] = str(reason)
        print(f"may be empty: {EMPTY}")
        return contextlib.nullcontext()


def fill_in(text, values):
    """The text with Grafana's variables replaced, longest name first."""
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"${{{name}}}", values[name]).replace(f"${name}", values[name])
    return text


def choices(dashboard, address):
    """Every combination of the choices that a reader has."""
    custom = {variable["name"]: [option["value"] for option in variable["options"]]
              for variable in dashboard["templating"]["list"] if variable["type"] == "custom"}
    common = {"job": "memory_exporter", "group": ".*",
              "instance": re.escape(address).replace("\\", "\\\\"),  # a regex within a string
              "__rate_interval": "6s", "__range": f"{RANGE}s", "datasource": "prometheus"}
    for combination in itertools.product(*custom.values()):
        yield {**common, **dict(zip(custom, combination))}


def ask(prometheus, target, values, end):
    """The answer to a query, as Grafana would send it: labels and numbers of each series."""
    expression = fill_in(target["expr"], values)
    assert "$" not in expression, f"unknown variable in {expression}"
    if target.get("instant"):
        return [(labels, [number]) for labels, number in prometheus.query(expression, end)]
    return [(series["metric"], [float(number) for _, number in series["values"]])
            for series in look_back(prometheus, expression, end)]


def look_back(prometheus, expression, end):
    return prometheus.api("query_range", query=expression, start=end - RANGE, end=end,
                          step=1)["result"]


def problem(prometheus, target, values, end, may_be_empty):
    """What is wrong with the answer to one query, or None."""
    try:
        series = ask(prometheus, target, values, end)
    except AssertionError as refused:
        return str(refused)
    if not series:
        return None if may_be_empty else "empty"
    if all(math.isnan(number) for _, numbers in series for number in numbers):
        return "nothing but NaN"
    wanted = re.findall(r"{{(.*?)}}", fill_in(target["legendFormat"], values))
    missing = [label for label in wanted if any(label not in labels for labels, _ in series)]
    return f"no label {missing} for the legend" if missing else None


def check_queries(prometheus, address, end):
    problems = []
    for name, dashboard in DASHBOARDS.items():
        for values in choices(dashboard, address):
            for panel in panels(dashboard):
                for target in panel["targets"]:
                    found = problem(prometheus, target, values, end, panel["title"] in EMPTY)
                    if found:
                        by = values.get("by", "")
                        problems.append(f"{name} {by}: {panel['title']} {target['refId']}: {found}")
            for note in dashboard["annotations"]["list"]:
                look_back(prometheus, fill_in(note["expr"], values), end)
    assert not problems, "\n".join(sorted(set(problems)))


def check_variables(prometheus, address):
    for name, dashboard in DASHBOARDS.items():
        for values in choices(dashboard, address):
            for variable in dashboard["templating"]["list"]:
                if variable["type"] != "query":
                    continue
                metric, label = re.fullmatch(r"label_values\((.*), (\S+)\)",
                                             fill_in(variable["definition"], values)).groups()
                found = prometheus.api(f"label/{label}/values", **{"match[]": metric})
                assert found, f"{name}: no values for {variable['name']}: {metric}"


class DashboardsTest(unittest.TestCase):
    def test_the_files_are_what_make_dashboards_writes(self):
        run(PROJECT / "grafana" / "make_dashboards", "--check")

    def test_every_panel_is_whole(self):
        seen = set()
        for name, dashboard in DASHBOARDS.items():
            assert dashboard["uid"] not in seen, f"{name}: uid twice"
            seen.add(dashboard["uid"])
            ids = [panel["id"] for panel in dashboard["panels"]]
            assert len(ids) == len(set(ids)), f"{name}: panel ids twice"
            titles = [panel["title"] for panel in panels(dashboard)]
            assert len(titles) == len(set(titles)), f"{name}: titles twice"
            for panel in panels(dashboard):
                where = f"{name}: {panel['title']}"
                assert panel["description"].endswith("."), f"{where}: no description"
                assert panel["fieldConfig"]["defaults"]["unit"], f"{where}: no unit"
                assert panel["targets"], f"{where}: no query"
                for part in [panel, *panel["targets"]]:
                    assert part["datasource"]["uid"] == "${datasource}", (
                        f"{where}: a fixed data source")

    def test_panels_do_not_overlap(self):
        for name, dashboard in DASHBOARDS.items():
            taken = {}
            for panel in dashboard["panels"]:
                at = panel["gridPos"]
                for cell in itertools.product(range(at["x"], at["x"] + at["w"]),
                                              range(at["y"], at["y"] + at["h"])):
                    assert cell[0] < 24, f"{name}: {panel['title']} is beyond the edge"
                    assert cell not in taken, f"{name}: {panel['title']} covers {taken[cell]}"
                    taken[cell] = panel["title"]

    def test_every_query_answers(self):
        command = live.need_command("prometheus")
        with some_swap(), live.Daemon() as daemon, live.Prometheus(
                daemon.port, command, job="memory_exporter", interval="1s") as prometheus:
            address = f"127.0.0.1:{daemon.port}"
            # Two scrapes that far apart, so that every rate and range has something to look at.
            live.wait_until(lambda: prometheus.query(f"up offset {RANGE}s"), 60, "history")
            check_variables(prometheus, address)
            check_queries(prometheus, address, prometheus.scrape_begun_after(0))


if __name__ == "__main__":
    live.main()
