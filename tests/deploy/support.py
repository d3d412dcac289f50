"""What the drivers in this folder share: skipping, ports, servers that end with the test, HTTP."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# ctest says which build is meant; run by hand, the shipped one is.
BUILD = pathlib.Path(os.environ.get("MEMORY_EXPORTER_BUILD", PROJECT / "build" / "release"))
EXPORTER = BUILD / "daemon" / "memory_exporter"
RULES = PROJECT / "deploy" / "prometheus" / "memory_exporter.rules.yml"
# Where scripts/install-packages unpacks the servers that only tests need.
SERVERS = PROJECT / "build" / "servers" / "usr" / "bin"

SKIPPED = 77


def skip(reason):
    """Ends the driver as skipped, for a part that this machine does not have."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def find(command):
    """The path of a command, or None."""
    return shutil.which(command, path=f"{SERVERS}:{os.environ['PATH']}:/usr/sbin:/sbin")


def need(command):
    """The path of a command without which there is nothing to test."""
    return find(command) or skip(f"{command} is not installed")


def need_root(why):
    if os.geteuid() != 0:
        skip(f"needs root: {why}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(*command, **options):
    """Runs to the end; a failure shows what the command printed."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return reply.read().decode()


def until(condition, seconds, what, pause=0.05):
    """Waits for a true value and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


def answers(url):
    try:
        get(url)
        return True
    except OSError:
        return False


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="memory_exporter.") as path:
        yield pathlib.Path(path)


@contextlib.contextmanager
def server(command, ready_url, log, seconds=20, **options):
    """A server that is there when the block begins and gone when it ends. Yields its Popen."""
    with open(log, "w") as output:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, **options)

    def ready():
        assert process.poll() is None, f"{command[0]} ended:\n{pathlib.Path(log).read_text()}"
        return answers(ready_url)

    try:
        until(ready, seconds, f"{ready_url} answers")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextlib.contextmanager
def exporter(work, *arguments):
    """The exporter of this build, ready. Yields host:port."""
    address = f"127.0.0.1:{free_port()}"
    with server([EXPORTER, f"--web.listen-address={address}", *arguments],
                f"http://{address}/-/ready", work / "exporter.log"):
        yield address


class Prometheus:
    """The HTTP interface of a running Prometheus."""

    def __init__(self, address):
        self.address = address

    def api(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            return json.loads(get(url, timeout=20))["data"]
        except urllib.error.HTTPError as refused:
            reason = json.loads(refused.read().decode())["error"]
            raise AssertionError(f"{path} {parameters}: {reason}") from None

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def query_range(self, expression, start, end, step=1):
        return self.api("query_range", query=expression, start=start, end=end, step=step)["result"]


@contextlib.contextmanager
def prometheus(work, targets, rules=None, interval="1s"):
    """A Prometheus with one scrape of everything already in it. `targets`: job to host:port."""
    address = f"127.0.0.1:{free_port()}"
    config = work / "prometheus.yml"
    config.write_text(json.dumps({  # every JSON is YAML
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)] if rules else [],
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]}
                           for job, target in targets.items()],
    }))
    command = [need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={work}/tsdb",
               f"--web.listen-address={address}", "--log.level=warn"]
    with server(command, f"http://{address}/-/ready", work / "prometheus.log"):
        client = Prometheus(address)
        until(lambda: len(client.query("up == 1")) == len(targets), 20,
              f"Prometheus has scraped {targets}")
        yield client


def main(*tests):
    """Runs each, prints its name, and ends with a code for ctest. Every one that fails is shown."""
    failures = 0
    for test in tests:
        started = time.monotonic()
        try:
            test()
            verdict = "ok"
        except AssertionError as failure:
            failures += 1
            verdict = f"FAILED\n{failure}"
        print(f"{test.__name__} ({time.monotonic() - started:.1f} s): {verdict}", flush=True)
    sys.exit(1 if failures else 0)
