"""What an operator gets wrong gives one clear line and the right exit code, and never a number."""

import os
import socket
import subprocess
import tempfile
import unittest

import live

FAILED = 1
MISUSED = 2


class BadInputTest(unittest.TestCase):
    def refused(self, code, *arguments, names=(), wrapper=()):
        """The daemon ends with `code`, prints nothing, and says why in one line that has `names`."""
        actual, output, errors = live.run_daemon(*arguments, wrapper=wrapper)
        self.assertEqual((actual, output), (code, ""), errors)
        self.assertRegex(errors, r"\A[^\n]+\n\Z", "one line")
        for name in names:
            self.assertIn(name, errors)

    def test_unknown_flag(self):
        self.refused(MISUSED, "--web.listen-adress=:1",
                     names=["--web.listen-adress", "--web.listen-address"])

    def test_flag_without_its_value(self):
        self.refused(MISUSED, "--web.listen-address", names=["--web.listen-address"])

    def test_word_that_is_no_flag(self):
        self.refused(MISUSED, "serve", names=["serve"])

    def test_unknown_collector(self):
        self.refused(MISUSED, "--collector.nonsense", names=["--collector.nonsense"])
        self.refused(MISUSED, "--no-collector.nonsense", names=["--no-collector.nonsense"])

    def test_addresses_that_cannot_be(self):
        for address in ("10042", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.256:1",
                        "127.0.0.1:http", "[::1]:10042", "::1:10042", ""):
            with self.subTest(address=address):
                self.refused(MISUSED, f"--web.listen-address={address}",
                             names=["--web.listen-address"])

    def test_address_of_another_machine(self):
        self.refused(FAILED, "--web.listen-address=192.0.2.1:10042", names=["192.0.2.1:10042"])

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            self.refused(FAILED, f"--web.listen-address={address}", names=[address])

    def test_port_of_another_exporter(self):
        with live.Daemon() as daemon:
            address = f"127.0.0.1:{daemon.port}"
            self.refused(FAILED, f"--web.listen-address={address}", names=[address])

    def test_root_that_is_not_there_or_no_directory(self):
        for flag in ("--path.procfs", "--path.sysfs", "--path.rootfs"):
            for path in ("/nonexistent/proc", "/etc/passwd"):
                with self.subTest(flag=flag, path=path):
                    self.refused(FAILED, "--once", f"{flag}={path}", names=[flag, path])

    def test_root_that_may_not_be_read(self):
        live.need_root()
        live.need_command("setpriv")
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            closed = os.path.join(folder, "closed")
            os.mkdir(closed, 0o700)
            os.chmod(folder, 0o755)
            if subprocess.run([*nobody, live.DAEMON, "--version"], check=False,
                              capture_output=True).returncode != 0:
                self.skipTest("nobody may not run what is built here")
            self.refused(FAILED, "--once", f"--path.procfs={closed}",
                         names=["--path.procfs", closed], wrapper=nobody)

    def test_configuration_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "exporter.yml")
            self.refused(MISUSED, f"--config.file={path}", names=[path])
            for text, line in (("colectors:\n  meminfo: true\n", 1), ("pss:\n  max_agee: 60s\n", 2),
                               ("group_by: [nme]\n", 1), ("pss: [\n", 2)):
                with self.subTest(text=text), open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    self.refused(MISUSED, f"--config.file={path}", "--config.check",
                                 names=[f"{path}:{line}"])

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([live.DAEMON, "--once"], stdout=full, stderr=subprocess.PIPE,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(done.stderr.count(b"\n"), 1)


class BadRequestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = cls.enterClassContext(live.Daemon())

    def test_unknown_collector_is_a_bad_request(self):
        for query in ("collect[]=nonsense", "exclude[]=nonsense", "collect[]=meminfo&collect[]="):
            with self.subTest(query=query):
                reply = self.daemon.get(f"/metrics?{query}")
                self.assertEqual(reply.status, 400)
                self.assertRegex(reply.text, r"\A[^\n]+\n\Z")

    def test_unknown_path_is_not_found(self):
        self.assertEqual(self.daemon.get("/metric").status, 404)
        self.assertEqual(self.daemon.get("/metrics/").status, 404)

    def test_a_bad_request_changes_nothing_for_the_next(self):
        self.daemon.get("/metrics?collect[]=nonsense")
        self.daemon.metrics()


if __name__ == "__main__":
    live.main()
