"""Too few threads, descriptors or bytes of address space, and a standard error that takes nothing: the
daemon refuses to start in one line, or runs with less and measures all the same. It never aborts."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from attack import FULL, State, cgroup, inside, live, report, unit_tasks

NOBODY = 65534
REFUSED = (1, 2)


def outcome(test, *flags, **options):
    """"refused", where the start ends in one line; else what a daemon says that runs: (its threads, the
    processes it has measured, the failed collectors). No thread is missing for what it reads."""
    try:
        daemon = live.Daemon(*flags, **options)
    except AssertionError as failed:
        code, lines = ended(str(failed))
        test.assertIn(code, REFUSED, failed)
        test.assertEqual(len([line for line in lines if "level=" not in line]), 1, failed)
        return "refused"
    with daemon:
        metrics = live.wait_until(lambda: measuring(daemon), 20, f"it measures: {daemon.log}")
        test.assertEqual(metrics.sum("memory_exporter_reader_start_failures_total"), 0, daemon.log)
        return (State(daemon.pid).threads,
                metrics.value("memory_exporter_processes", state="measured"),
                [labels["collector"] for labels, value in
                 metrics.values("memory_exporter_collector_success") if value != 1])


def ended(text):
    """The exit code and the lines of "ended with CODE: LOG"."""
    head, _, log = text.partition(": ")
    return int(head.rpartition(" ")[2]), log.strip().split("\n")


def measuring(daemon):
    metrics = daemon.metrics()
    return metrics if metrics.value("memory_exporter_processes", state="pending") == 0 else None


class FewThreads(unittest.TestCase):
    def expect(self, what, outcomes, least):
        """From `least` on it serves and measures; below it may refuse."""
        report(f"few threads, {what}", **{
            str(limit): found if found == "refused" else f"{found[0]} threads"
            for limit, found in outcomes.items()})
        for limit, found in outcomes.items():
            with self.subTest(limit=limit):
                if found == "refused":
                    self.assertLess(limit, least)
                    continue
                threads, measured, failed = found
                self.assertLessEqual(threads, limit)
                self.assertGreater(measured, 0)
                self.assertEqual(failed, [])

    def test_of_a_pids_cgroup(self):
        """What TasksMax= of a unit sets."""
        outcomes = {}
        with cgroup("pids", {}) as path:
            for limit in (4, 8, 12, 20, 34, 36, 40, 48, 64) if FULL else (8, 20, 34, 64):
                with open(f"{path}/pids.max", "w", encoding="utf-8") as file:
                    file.write(str(limit))
                outcomes[limit] = outcome(self, "--collector.mappings", "--collector.process_details",
                                          wrapper=inside(path))
        self.expect("TasksMax", outcomes, 30)

    def test_of_a_user(self):
        """RLIMIT_NPROC, which counts all threads of the user and does not hold for root."""
        live.need_root()
        outcomes = {}
        for limit in (4, 8, 20, 34, 64) if FULL else (8, 34):
            wrapper = ["prlimit", f"--nproc={limit}", "setpriv", f"--reuid={NOBODY}",
                       f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
            outcomes[limit] = outcome(self, wrapper=wrapper, binary=self.reachable_copy())
        self.expect("RLIMIT_NPROC", outcomes, 30)

    def reachable_copy(self):
        """Of the daemon, where another user can start it."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        os.chmod(folder, 0o755)
        return shutil.copy(live.DAEMON, folder)

    @unittest.skipIf(live.SANITIZED, "a sanitizer wants terabytes of address space")
    def test_of_the_address_space(self):
        """Between too little to start and enough there is too little for a reply: that is a 500."""
        for mib in (12, 16, 18, 20, 22, 24, 28, 32) if FULL else (16, 24):
            with self.subTest(mib=mib):
                self.expect_no_abort(mib)
        threads, measured, failed = outcome(self, wrapper=["prlimit", f"--as={48 << 20}"])
        self.assertGreater(threads, 40)
        self.assertGreater(measured, 0)
        self.assertEqual(failed, [])

    def expect_no_abort(self, mib):
        try:
            daemon = live.Daemon(wrapper=["prlimit", f"--as={mib << 20}"])
        except AssertionError as failed:
            self.assertIn(ended(str(failed))[0], REFUSED, failed)
            return
        with daemon:
            for _ in range(5):
                self.assertIn(daemon.get("/metrics").status, (200, 500, 503))

    def test_the_unit_allows_for_the_most_there_can_be(self):
        """With as many HTTP threads as a flag can ask for. Reads that hang may take 32 more, and files
        of the system 32 more."""
        with live.Daemon("--web.max-requests=120", "--collector.mappings",
                         "--collector.process_details") as daemon:
            daemon.settled_metrics()
            threads = State(daemon.pid).threads
        self.assertGreater(threads, 130)
        self.assertLessEqual(threads + 32 + 32 + 1, unit_tasks())


class FewDescriptors(unittest.TestCase):
    def test_refuse_in_one_line_or_measure_everybody(self):
        with live.Daemon() as daemon:
            everybody = daemon.settled_metrics().value("memory_exporter_processes", state="measured")
        for limit in (3, 6, 10, 20, 30, 40, 50, 64) if FULL else (6, 30, 64):
            with self.subTest(limit=limit):
                found = outcome(self, wrapper=["prlimit", f"--nofile={limit}:{limit}"])
                if found == "refused":
                    self.assertLess(limit, 64)
                else:
                    self.assertGreater(found[1], everybody / 2)
                    self.assertEqual(found[2], [])


class BlockedStandardError(unittest.TestCase):
    def test_neither_scrapes_nor_the_end_wait_for_it(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        port = live.free_port()
        process = subprocess.Popen([live.DAEMON, f"--web.listen-address=127.0.0.1:{port}",
                                    "--log.level=debug"], stderr=writer)
        os.close(writer)
        try:
            def ready():
                with contextlib.suppress(OSError):
                    return live.http_get(port, "/-/ready").status == 200
            live.wait_until(ready, 20, "ready")
            # The pipe takes 4 KiB and the daemon keeps 64; a scrape is a line of some 100 bytes.
            for _ in range(1000):
                self.assertEqual(live.http_get(port, "/metrics?collect[]=meminfo").status, 200)
            dropped = live.Exposition(live.http_get(port, "/metrics").text).value(
                "memory_exporter_log_lines_dropped_total")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(10), 0)
            self.assertLess(time.monotonic() - began, 5)
            self.assertGreater(dropped, 0)
        finally:
            process.kill()
            process.wait()
            os.close(reader)


if __name__ == "__main__":
    live.main()
