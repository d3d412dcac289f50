"""Prometheus scrapes the running daemon; what it answers is what /proc says, to the byte."""

import subprocess
import time
import unittest

import live

POPULATION = ("private:3:8:pop_private", "cow:3:8:pop_cow", "file:2:8:pop_file",
              "library:3:8:pop_library", "shmem:2:8:pop_shmem", "private:1:4:pop_alone")
# A process is more than the memory that the population takes: its stack, data and program.
OVERHEAD = 400 << 10


def key_of(family, labels):
    return (family, labels.get("kind", ""))


def families(truth):
    return sorted({family for family, _ in truth})


class Scraped:
    """What Prometheus says of a stopped population, and what /proc said before and after: the same,
    else it is asked again. (A stopped process's PSS still moves a little when processes elsewhere
    come and go, with the vdso page that all share.)"""

    def __init__(self, prometheus, population, attempts=15):
        def truth():
            return {name: live.read_processes(population.pids(name)) for name in population.names()}
        for _ in range(attempts):
            before = truth()
            self.time = prometheus.scrape_begun_after(time.time())
            self.groups = {name: {} for name in population.names()}
            self.sums = {}
            selector = '{name=~"pop_.*"}'
            for family in families(before[population.names()[0]]):
                for labels, value in prometheus.query(
                        f"sum by (name, kind) ({family}{selector})", self.time):
                    self.groups[labels["name"]][key_of(family, labels)] = value
                for labels, value in prometheus.query(
                        f"sum by (kind) ({family}{selector})", self.time):
                    self.sums[key_of(family, labels)] = value
            self.truth = truth()
            if before == self.truth:
                return
        raise AssertionError("the stopped processes' memory did not stay the same")


class PrometheusTest(unittest.TestCase):
    # Under the budgets, but no sample older than the scrape before.
    flags = ("--pss.max-age=1s",)

    @classmethod
    def setUpClass(cls):
        command = live.need_command("prometheus")
        cls.population = cls.enterClassContext(live.Population(*POPULATION))
        cls.daemon = cls.enterClassContext(live.Daemon(*cls.flags))
        cls.prometheus = cls.enterClassContext(live.Prometheus(cls.daemon.port, command))
        cls.scraped = cls.prometheus.scrape_begun_after(time.time())

    def test_target_is_up(self):
        moment = self.prometheus.scrape_begun_after(time.time())
        self.assertEqual([value for _, value in self.prometheus.query("up", moment)], [1.0])

    def test_openmetrics_was_scraped_with_units(self):
        metadata = self.prometheus.api("targets/metadata", metric="memory_group_pss_bytes")
        self.assertEqual([(entry["type"], entry["unit"]) for entry in metadata], [("gauge", "bytes")])
        metadata = self.prometheus.api("targets/metadata", metric="memory_group_page_faults")
        self.assertEqual([entry["type"] for entry in metadata], ["counter"])

    def test_every_group_and_kind_equals_proc_to_the_byte(self):
        scraped = Scraped(self.prometheus, self.population)
        self.assertEqual(scraped.groups, scraped.truth)
        total = {}
        for figures in scraped.truth.values():
            for key, value in figures.items():
                total[key] = total.get(key, 0) + value
        self.assertEqual(scraped.sums, total)

    def test_shared_memory_counts_once_in_pss_and_in_full_in_rss(self):
        scraped = Scraped(self.prometheus, self.population).groups
        for name in self.population.names():
            members = [one for one in self.population.processes if one["name"] == name]
            slack = OVERHEAD * len(members)
            pss = sum(value for (family, _), value in scraped[name].items()
                      if family == "memory_group_pss_bytes")
            with self.subTest(group=name):
                for kind in ("anon", "file", "shmem"):
                    expected = sum(one[kind] for one in members)
                    measured = scraped[name]["memory_group_resident_bytes", kind]
                    self.assertLessEqual(expected, measured)
                    self.assertLess(measured, expected + slack + (len(members) << 20))
                self.assertLess(abs(pss - sum(one["pss"] for one in members)), slack)
                self.assertLess(abs(scraped[name]["memory_group_uss_bytes", ""] -
                                    sum(one["uss"] for one in members)), slack)

    def test_counts_of_processes_and_threads(self):
        for name in self.population.names():
            count = len(self.population.pids(name))
            for family in ("memory_group_processes", "memory_group_threads"):
                found = self.prometheus.query(f'sum({family}{{name="{name}"}})', self.scraped)
                self.assertEqual([value for _, value in found], [count], f"{family} of {name}")

    def test_nothing_of_a_stopped_population_is_unmeasured(self):
        scraped = Scraped(self.prometheus, self.population)
        found = self.prometheus.query(
            'sum by (reason) (memory_group_unmeasured_resident_bytes{name=~"pop_.*"})',
            scraped.time)
        self.assertEqual({labels["reason"]: value for labels, value in found},
                         {"pending": 0, "denied": 0, "stale": 0, "stuck": 0, "unsupported": 0})


class PrometheusExactModeTest(PrometheusTest):
    flags = ("--pss.mode=exact",)


class SwapTest(unittest.TestCase):
    def test_swapped_memory_equals_proc_to_the_byte(self):
        command = live.need_command("prometheus")
        with live.SwapFile(64), \
                live.Population("swapped:2:8:pop_swapped", "swapped_shmem:1:8:pop_shmem") as population, \
                live.Daemon() as daemon, live.Prometheus(daemon.port, command) as prometheus:
            scraped = Scraped(prometheus, population)
            self.assertEqual(scraped.groups, scraped.truth)
            anonymous, shmem = scraped.groups["pop_swapped"], scraped.groups["pop_shmem"]
            for figure in ("memory_group_swap_bytes", "memory_group_swap_pss_bytes"):
                self.assertGreater(anonymous[figure, ""], 12 << 20)
                self.assertLess(shmem[figure, ""], 1 << 20)
            self.assertGreater(shmem["memory_group_swap_shmem_bytes", ""], 6 << 20)
            self.assertEqual(anonymous["memory_group_swap_shmem_bytes", ""], 0)


class PromtoolTest(unittest.TestCase):
    def test_promtool_has_nothing_to_say(self):
        promtool = live.need_command("promtool")
        with live.Daemon() as daemon:
            text = daemon.get("/metrics").body
            live.Exposition(text.decode("utf-8"))
            done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                                  timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


if __name__ == "__main__":
    live.main()
