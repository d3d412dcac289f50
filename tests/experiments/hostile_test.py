"""What processes do to an exporter: names that are no text, and lives too short to look at."""

import contextlib
import os
import re
import subprocess
import time

from experiments import MIB, Experiment, live, main


class Row27Names(Experiment):
    names = {b'a"b\\c\nd': 'a"b\\c\nd', b"x\xff\xfe\xc3": "x\ufffd\ufffd\ufffd~c41c6eeca77e3f56",
             b"tab\there": "tab\there", b"{}=,# ": "{}=,# ",
             "\u00e4\u4e2d".encode(): "\u00e4\u4e2d"}

    def test_each_name_is_one_valid_label(self):
        programs = []
        for comm in self.names:
            programs.append(self.start("promises", comm=comm))
            programs[-1].reach("start")
        exporter = self.start_exporter()
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            reply = exporter.get("/metrics", Accept=accept)
            text = reply.body.decode("utf-8", "strict")
            self.assertIn(accept.split(";")[0], reply.headers["content-type"])
        exposition = exporter.metrics()
        for program, name in zip(programs, self.names.values()):
            with self.subTest(name=name):
                found = exposition.values("memory_group_processes", name=name)
                self.assertEqual([value for _, value in found], [1])
                status = live.read_keyed(f"/proc/{program.pid}/status")
                self.assertEqual(exposition.value("memory_group_virtual_bytes", name=name),
                                 status["VmSize"])
        with self.subTest("promtool"):
            promtool = live.need_command("promtool")
            done = subprocess.run([promtool, "check", "metrics"], capture_output=True, timeout=60,
                                  input=exporter.get("/metrics").body, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        with self.subTest("Prometheus"):
            self.scraped_by_prometheus(exporter)

    def scraped_by_prometheus(self, exporter):
        command = live.need_command("prometheus")
        with live.Prometheus(exporter.port, command) as prometheus:
            scrape = prometheus.scrape_begun_after(time.time())
            found = {labels["name"]: value for labels, value in prometheus.query(
                "sum by (name) (memory_group_processes)", time=scrape)}
            for name in self.names.values():
                self.assertEqual(found.get(name), 1, name)


def counters(exposition):
    """Those of processes and of the exporter. The kernel's own begin again: with a new cgroup of an
    old name, or when KSM is switched off."""
    return {(family.name, tuple(sorted(labels.items()))): float(value)
            for family in exposition.families.values() if family.kind == "counter"
            and family.name.startswith(("memory_group_", "memory_exporter_"))
            for labels, value in family.samples}


def open_files(pid):
    """Those of a daemon at rest. A read may outlast the scrape that asked for it, and a socket the
    answer; and a file of the whole machine is opened when it is first needed."""
    kept = "/proc/kpagecount"
    def at_rest():
        paths = []
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                paths.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        if any(re.match(r"/proc/\d+/", path) for path in paths):
            return None
        return sorted(path for path in paths if not path.startswith("socket:") and path != kept)
    return live.wait_until(at_rest, 30, "no file of a process is open")


class Row28ShortLives(Experiment):
    per_second, seconds = 1000, 10
    # AddressSanitizer keeps up to 256 MiB of what was freed, to see it used: that is not left behind.
    # Without that it takes 11 MiB in its first storm, where the exporter alone takes 1, and no more in
    # the next nine.
    forget_freed = ["env", "ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0"]
    growth = (16 if live.SANITIZED else 2) * MIB

    def test_a_storm_of_processes_leaves_nothing_behind(self):
        exporter = self.start_exporter(mode="budgeted", wrapper=self.forget_freed if live.SANITIZED else [])
        program = self.start("short_lives", self.per_second, self.seconds)
        program.reach("start")
        self.look(exporter)  # one scrape, so that what is made once is there

        def state():
            status = live.read_keyed(f"/proc/{exporter.pid}/status")
            return {"files": open_files(exporter.pid),
                    "threads": len(os.listdir(f"/proc/{exporter.pid}/task")),
                    "resident": status["VmRSS"]}

        before, first = state(), self.look(exporter)
        last, scrapes, most = first, 0, 0
        end = time.monotonic() + self.seconds
        program.run_on()
        while time.monotonic() < end:
            now = self.look(exporter)
            counted = counters(now)
            for series, value in counters(last).items():
                self.assertGreaterEqual(counted.get(series, value), value, series)
            for labels, value in now.values("memory_exporter_collector_success"):
                self.assertEqual(value, 1, labels)
            most = max(most, now.sum("memory_group_processes", name=program.name))
            last, scrapes = now, scrapes + 1
            time.sleep(0.1)
        took = int(program.reach())
        self.assertGreater(self.per_second * self.seconds / took * 1000, self.per_second / 2,
                           "this machine starts too few processes a second")
        after = self.look(exporter)
        self.assertGreater(most, 1, "no child was ever seen")
        self.assertEqual(after.sum("memory_group_processes", name=program.name), 1)

        def errors(exposition):
            return {tuple(sorted(labels.items())): value for labels, value in
                    exposition.values("memory_exporter_read_errors_total")
                    if labels["reason"] != "denied"}
        self.assertEqual(errors(after), errors(first))
        now = state()
        self.assertEqual(now["files"], before["files"])
        self.assertEqual(now["threads"], before["threads"])
        self.assertLess(now["resident"], before["resident"] + self.growth)
        self.saw(processes_started=self.per_second * self.seconds, in_seconds=took / 1000,
                 scrapes=scrapes, most_at_once=most, faults_seen=after.sum(
                     "memory_group_page_faults_total", name=program.name, severity="minor"),
                 resident_before=before["resident"], resident_after=now["resident"])


if __name__ == "__main__":
    main()
