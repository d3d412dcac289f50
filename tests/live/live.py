"""What the live tests have in common: the real daemon on a port of its own, a population of known
memory, a Prometheus that scrapes it, /proc read by other means, and a strict parser of the text
format. Standard library only. Everything started here listens on 127.0.0.1 only and is ended by its
own pid."""

import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

SKIP = 77  # ctest's SKIP_RETURN_CODE
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MEMORY_EXPORTER_BUILD", os.path.join(SOURCE, "build", "release"))
DAEMON = os.path.join(BUILD, "daemon", "memory_exporter")
POPULATION = os.path.join(BUILD, "tests", "live", "population")
SANITIZED = os.path.basename(BUILD) in ("asan", "tsan")


def main():
    """Runs the calling file's tests. Where every one of them was skipped, so is the file."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIP if result.testsRun == len(result.skipped) else 0)


def need_root():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")


def in_own_pid_namespace():
    """Starts the calling script again as the first process of a pid namespace with a /proc of its
    own, where nothing runs but what the script starts; all of it ends with the script."""
    if os.getpid() == 1:
        return
    need_root()
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
               sys.executable, "-B", *sys.argv]
    os.execvp(command[0], command)


def need_command(name):
    path = shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def wait_until(condition, seconds, what):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- the text format -----------------------------------------------------------------------------

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def _labels(text):
    labels = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        assert match, f"not a label: {text[at:]}"
        assert match[1] not in labels, f"label {match[1]} twice: {text}"
        labels[match[1]] = re.sub(
            r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], match[2])
        at = match.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), f"expected a comma: {text[at:]}"
            at += 1
    return labels


class Family:
    def __init__(self, name, kind, help_text):
        self.name, self.kind, self.help = name, kind, help_text
        self.samples = []  # (labels, value as text)


class Exposition:
    """A strict reading of text format 0.0.4: each family once and whole, with HELP and TYPE before
    its samples, no series twice."""

    def __init__(self, text):
        assert text.endswith("\n"), "the last line is cut"
        self.text = text
        self.families = {}
        family = help_text = None
        seen = set()
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                name, _, help_text = line[len("# HELP "):].partition(" ")
                assert name not in self.families, f"{name} comes twice"
                family = None
                pending = name
            elif line.startswith("# TYPE "):
                name, _, kind = line[len("# TYPE "):].partition(" ")
                assert help_text is not None and name == pending, f"TYPE without its HELP: {line}"
                family = self.families[name] = Family(name, kind, help_text)
                help_text = None
            else:
                match = _LINE.fullmatch(line)
                assert match, f"not a sample: {line}"
                assert family and match[1] == family.name, f"outside its family: {line}"
                labels = _labels(match[2] or "")
                series = (match[1], tuple(sorted(labels.items())))
                assert series not in seen, f"series twice: {line}"
                seen.add(series)
                float(match[3])
                family.samples.append((labels, match[3]))

    def values(self, name, /, **wanted):
        """[(labels, number)] of a family's samples that have the wanted labels."""
        family = self.families.get(name)
        return [(labels, float(value)) for labels, value in (family.samples if family else [])
                if all(labels.get(key) == want for key, want in wanted.items())]

    def value(self, name, /, **wanted):
        """The one such sample's number; None where there is none."""
        found = self.values(name, **wanted)
        assert len(found) <= 1, f"{len(found)} samples of {name} with {wanted}"
        return found[0][1] if found else None

    def sum(self, name, /, **wanted):
        """The samples' sum; None where there is none."""
        found = self.values(name, **wanted)
        return sum(number for _, number in found) if found else None


# --- what runs -----------------------------------------------------------------------------------


class Reply:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def text(self):
        body = self.body
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return body.decode("utf-8")


def http_get(port, path, timeout=30, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", path,
                           headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Reply(response, response.read())


def each_for_itself(flags):
    """A test that changes something and scrapes again wants to see it at once."""
    shares = any(flag.startswith("--scrape.share") for flag in flags)
    return [] if shares else ["--scrape.share=0"]


class Daemon:
    """The exporter, serving. `wrapper` is put before its command line (setpriv, unshare); it must
    exec, so that the pid is the daemon's."""

    def __init__(self, *flags, wrapper=(), binary=DAEMON):
        self.log_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [*wrapper, binary, "--web.listen-address=127.0.0.1:0", *each_for_itself(flags), *flags],
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file)
        try:
            self.port = int(wait_until(self._listening, 20, "the daemon listens")[1])
            wait_until(lambda: self._running() and self._ready(), 20, "the daemon is ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _running(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.log}")
        return True

    def _listening(self):
        self._running()
        return re.search(r"address=\S*?:(\d+)", self.log)

    def _ready(self):
        try:
            return self.get("/-/ready").status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode("utf-8", "replace")

    def get(self, path, **headers):
        return http_get(self.port, path, **headers)

    def metrics(self, **query):
        """A scrape, parsed."""
        pairs = [(f"{key}[]", value) for key, values in query.items() for value in values]
        reply = self.get("/metrics" + ("?" + urllib.parse.urlencode(pairs) if pairs else ""))
        assert reply.status == 200, f"{reply.status} {reply.text}"
        return Exposition(reply.text)

    def settled_metrics(self):
        """The first scrape from now on in which every process is known for measured or denied."""
        def settled():
            metrics = self.metrics()
            if metrics.value("memory_exporter_processes", state="pending") == 0:
                return metrics
            return None
        return wait_until(settled, 60, "a scrape without pending processes")

    def stop(self):
        """Ends it as a service manager would; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=10 if SANITIZED else 3)
        finally:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with self.log_file:
            code = self.stop()
            if kind is None:
                assert code == 0, f"ended with {code}: {self.log}"


def run_daemon(*arguments, wrapper=(), timeout=30):
    """Runs it to its end: (exit code, standard output, standard error)."""
    done = subprocess.run([*wrapper, DAEMON, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")


class Population:
    """Stopped processes of known memory; see population.cc. `processes` is its own truth."""

    def __init__(self, *groups, wrapper=(), binary=POPULATION):
        self.child = subprocess.Popen([*wrapper, binary, *groups], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        line = self.child.stdout.readline()
        if not line:
            raise AssertionError(f"the population ended with {self.child.wait()}")
        self.processes = json.loads(line.decode("utf-8", "surrogateescape"))["processes"]

    def pids(self, name=None):
        return [process["pid"] for process in self.processes
                if name is None or process["name"] == name]

    def names(self):
        return sorted({process["name"] for process in self.processes})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(timeout=20)
        finally:
            self.child.kill()
            self.child.wait()
            self.child.stdout.close()


class SwapFile:
    """Swap space for as long as it lives; skips where the machine gives none."""

    def __init__(self, mib, priority=None):
        need_root()
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        self.path = tempfile.NamedTemporaryFile(dir="/var/tmp", prefix="swap.", delete=False).name
        with open(self.path, "wb") as file:
            for _ in range(mib):
                file.write(bytes(1 << 20))
        options = [] if priority is None else [f"--priority={priority}"]
        for command in (["mkswap", "-q", self.path], ["swapon", *options, self.path]):
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                os.unlink(self.path)
                raise unittest.SkipTest(f"no swap here: {done.stderr.strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["swapoff", self.path], check=True)
        os.unlink(self.path)


class FuseServer:
    """One of the scripts that serve a filesystem, mounted on a folder of its own. Where that cannot
    be had the test is skipped. SIGUSR2 makes dead_server.py dead, SIGUSR1 brings it back."""

    def __init__(self, script, *arguments, stdin=subprocess.DEVNULL):
        need_root()
        if not os.path.exists("/dev/fuse"):
            raise unittest.SkipTest("no /dev/fuse")
        self.mount = tempfile.mkdtemp(prefix="fuse.")
        self.process = subprocess.Popen(
            [sys.executable, "-B", script, self.mount, *arguments], stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "mounted\n":
            reason = self.process.stderr.read().strip()
            self._wait()
            raise unittest.SkipTest(f"no FUSE here: {reason}")

    def die(self):
        self.process.send_signal(signal.SIGUSR2)
        time.sleep(0.2)

    def revive(self):
        self.process.send_signal(signal.SIGUSR1)

    def end(self):
        subprocess.run(["umount", "-l", self.mount], check=True)
        self.process.kill()
        self._wait()

    def _wait(self):
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        os.rmdir(self.mount)


class Prometheus:
    """Debian's Prometheus, scraping one target over loopback."""

    def __init__(self, target_port, command, job="memory", interval="2s", rules=()):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        config = os.path.join(self.folder.name, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            json.dump({  # YAML reads JSON
                "global": {"scrape_interval": interval, "scrape_timeout": interval,
                           "evaluation_interval": interval},
                "rule_files": [str(path) for path in rules],
                "scrape_configs": [{
                    "job_name": job,
                    "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}],
                }],
            }, file)
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")
        self.process = subprocess.Popen(
            [command, f"--config.file={config}",
             f"--storage.tsdb.path={os.path.join(self.folder.name, 'data')}",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder.name)
        try:
            wait_until(self._ready, 60, "Prometheus is ready")
        except BaseException:
            self.__exit__()
            raise

    def _ready(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(f"Prometheus ended: {self.log.read().decode()}")
        try:
            return http_get(self.port, "/-/ready").status == 200
        except OSError:
            return False

    def api(self, path, **query):
        reply = http_get(self.port, f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
        answer = json.loads(reply.text)
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, promql, time=None):
        """An instant query: [(labels, number)]; of the scrape at `time`, or of the last one."""
        at = {} if time is None else {"time": repr(time)}
        return [(entry["metric"], float(entry["value"][1]))
                for entry in self.api("query", query=promql, **at)["result"]]

    def scrape_begun_after(self, moment, seconds=60):
        """Waits for a scrape that began after `moment` (seconds since the epoch) and had all there
        is to say of processes; its time. Queries want it: on a busy machine another scrape may miss
        its deadline and have less."""
        def scraped():
            found = self.query('timestamp(up) and on() '
                               'memory_exporter_collector_success{collector="process"} == 1 and on() '
                               'memory_exporter_processes{state="pending"} == 0')
            return found[0][1] if found and found[0][1] > moment else None
        return wait_until(scraped, seconds, "another whole scrape")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            self.log.close()
            self.folder.cleanup()


# --- /proc, read by other means than the exporter's -----------------------------------------------


def read_keyed(path):
    """{key: bytes} of the lines "Key:  N kB" of status, smaps_rollup and meminfo."""
    with open(path, "rb") as file:
        return {match[1].decode(): int(match[2]) * 1024
                for match in re.finditer(rb"^(\w+):\s+(\d+) kB$", file.read(), re.MULTILINE)}


def read_process(pid):
    """The memory of a process, as the exporter's families and labels name it."""
    status = read_keyed(f"/proc/{pid}/status")
    rollup = read_keyed(f"/proc/{pid}/smaps_rollup")
    return {
        ("memory_group_resident_bytes", "anon"): status["RssAnon"],
        ("memory_group_resident_bytes", "file"): status["RssFile"],
        ("memory_group_resident_bytes", "shmem"): status["RssShmem"],
        ("memory_group_virtual_bytes", ""): status["VmSize"],
        ("memory_group_swap_bytes", ""): status["VmSwap"],
        ("memory_group_swap_shmem_bytes", ""): max(rollup["Swap"] - status["VmSwap"], 0),
        ("memory_group_pss_bytes", "anon"): rollup["Pss_Anon"],
        ("memory_group_pss_bytes", "file"): rollup["Pss_File"],
        ("memory_group_pss_bytes", "shmem"): rollup["Pss_Shmem"],
        ("memory_group_uss_bytes", ""): rollup["Private_Clean"] + rollup["Private_Dirty"],
        ("memory_group_swap_pss_bytes", ""): rollup["SwapPss"],
    }


def read_processes(pids):
    """The sums over processes."""
    total = {}
    for pid in pids:
        for key, value in read_process(pid).items():
            total[key] = total.get(key, 0) + value
    return total


def living_pids():
    """All processes that have memory or may have it: no zombies."""
    pids = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[0] != b"Z":
                    pids.append(int(name))
    return pids
