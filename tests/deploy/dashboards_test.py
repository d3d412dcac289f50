#!/usr/bin/env python3
"""Every query of the dashboards, against a real Prometheus that has scraped the exporter: no error,
and nothing empty."""

import contextlib
import itertools
import json
import math
import re

from support import PROJECT, exporter, find, folder, main, prometheus, run, until

DASHBOARDS = {file.stem: json.loads(file.read_text())
              for file in sorted((PROJECT / "grafana" / "dashboards").glob("*.json"))}

# Seconds of history that the queries look at.
RANGE = 12

# Panels that are rightly empty on this machine: title to reason.
EMPTY = {}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@contextlib.contextmanager
def some_swap(work):
    """Swap on a file of 16 MiB, where the machine has none; taken off again."""
    with open("/proc/swaps") as swaps:
        if len(swaps.readlines()) > 1:
            yield
            return
    file = work / "swap"
    try:
        file.touch(mode=0o600)
        with open(file, "r+b") as blank:
            blank.write(bytes(16 << 20))
        run(find("mkswap") or "mkswap", file)
        run(find("swapon") or "swapon", file)
    except (AssertionError, OSError) as refused:
        reason = f"no swap, and none can be made: {str(refused).splitlines()[-1]}"
        print(f"may be empty: Swap by device ({reason})")
        EMPTY["Swap by device"] = reason
        yield
        return
    try:
        yield
    finally:
        run(find("swapoff"), file)


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


def ask(server, target, values, end):
    expression = fill_in(target["expr"], values)
    assert "$" not in expression, f"unknown variable in {expression}"
    if target.get("instant"):
        return [(series["metric"], [series["value"]])
                for series in server.query(expression, time=end)]
    return [(series["metric"], series["values"])
            for series in server.query_range(expression, end - RANGE, end)]


def problem(server, target, values, end, may_be_empty):
    """What is wrong with the answer to one query, or None."""
    try:
        series = ask(server, target, values, end)
    except AssertionError as refused:
        return str(refused)
    if not series:
        return None if may_be_empty else "empty"
    if all(math.isnan(float(value)) for _, samples in series for _, value in samples):
        return "nothing but NaN"
    wanted = re.findall(r"{{(.*?)}}", fill_in(target["legendFormat"], values))
    missing = [label for label in wanted if any(label not in labels for labels, _ in series)]
    return f"no label {missing} for the legend" if missing else None


def test_the_files_are_what_make_dashboards_writes():
    run(PROJECT / "grafana" / "make_dashboards", "--check")


def test_every_panel_is_whole():
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
                assert part["datasource"]["uid"] == "${datasource}", f"{where}: a fixed data source"


def test_panels_do_not_overlap():
    for name, dashboard in DASHBOARDS.items():
        taken = {}
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            for cell in itertools.product(range(at["x"], at["x"] + at["w"]),
                                          range(at["y"], at["y"] + at["h"])):
                assert cell[0] < 24, f"{name}: {panel['title']} is beyond the edge"
                assert cell not in taken, f"{name}: {panel['title']} covers {taken[cell]}"
                taken[cell] = panel["title"]


def check_queries(server, address):
    # The moment of a scrape that was answered: on a busy machine the one after may not be.
    (answered,) = until(lambda: server.query("timestamp(up == 1)"), 20, "a scrape")
    end = float(answered["value"][1])
    problems = []
    for name, dashboard in DASHBOARDS.items():
        for values in choices(dashboard, address):
            for panel in panels(dashboard):
                for target in panel["targets"]:
                    found = problem(server, target, values, end, panel["title"] in EMPTY)
                    if found:
                        by = values.get("by", "")
                        problems.append(f"{name} {by}: {panel['title']} {target['refId']}: {found}")
            for note in dashboard["annotations"]["list"]:
                server.query_range(fill_in(note["expr"], values), end - RANGE, end)
    assert not problems, "\n".join(sorted(set(problems)))


def check_variables(server, address):
    for name, dashboard in DASHBOARDS.items():
        for values in choices(dashboard, address):
            for variable in dashboard["templating"]["list"]:
                if variable["type"] != "query":
                    continue
                metric, label = re.fullmatch(r"label_values\((.*), (\S+)\)",
                                             fill_in(variable["definition"], values)).groups()
                found = server.api(f"label/{label}/values", **{"match[]": metric})
                assert found, f"{name}: no values for {variable['name']}: {metric}"


def test_every_query_answers():
    with folder() as work, some_swap(work), exporter(work) as address, \
            prometheus(work, {"memory_exporter": address}) as server:
        # Two scrapes that far apart, so that every rate and range has something to look at.
        until(lambda: server.query(f"up offset {RANGE}s"), RANGE + 20, "history")
        check_variables(server, address)
        check_queries(server, address)


main(test_the_files_are_what_make_dashboards_writes,
     test_every_panel_is_whole,
     test_panels_do_not_overlap,
     test_every_query_answers)
