"""What tests/bench/compare starts, reads and measures: this exporter, Debian's process-exporter, the
bare loop, and the populations they read. Everything here is ended by its own pid."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))
import live  # noqa: E402

PEER = "prometheus-process-exporter"
MIB = 2**20


def cpu_seconds(pid):
    """User and system time of a process and all its threads, to the nanosecond: the clock that
    clock_getcpuclockid(3) makes of a pid."""
    return time.clock_gettime(~pid << 3 | 2)


def quantile(values, share):
    """The smallest value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def built(name):
    return os.path.join(live.BUILD, "tests", "bench", name)


class Population(live.Population):
    """The processes that are read, and what their PSS adds up to."""

    def __init__(self, *groups):
        super().__init__(*groups)
        # The processes' own few pages come on top of the memory that they were told to take, and are
        # known from the kernel alone. Nothing outside shares them, and nothing runs yet.
        self.at_rest = sum(live.read_keyed(f"/proc/{pid}/smaps_rollup")["Pss"]
                           for pid in self.pids())

    def start_moving(self):
        for process in self.processes:
            if process["kind"] in ("awake", "changing", "forking"):
                os.kill(process["pid"], signal.SIGCONT)

    def pss(self):
        """The truth, at this moment."""
        self.child.stdin.write(b"\n")
        self.child.stdin.flush()
        return self.at_rest + json.loads(self.child.stdout.readline())["moving"]


class BareLoop:
    """Reads some files of every process and does nothing with them: the least that it can cost. What
    stands behind "--" it reads in another pass."""

    def __init__(self, *files):
        self.label = "bare loop, " + "+".join(files).replace("+--+", ", then ")
        self.child = subprocess.Popen([built("bare_loop"), *files], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.pid = self.child.pid

    def scrape(self):
        self.child.stdin.write(b".")
        self.child.stdin.flush()
        return self.child.stdout.readline()

    def pss(self, _reply, _names):
        return None

    def stop(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


class Exporter:
    """This exporter, with all that is on by default."""

    WITHOUT_LIMITS = "--no-collector.limits"  # in a comparison: nobody else reads them

    def __init__(self, mode, *flags, capabilities=None):
        self.label = f"memory_exporter, {mode}" + (" and cap_" + capabilities if capabilities else "")
        wrapper, self.folder, binary = (), None, live.DAEMON
        if capabilities:
            # A copy where nobody may look, wherever this is built.
            self.folder = tempfile.mkdtemp(dir="/var/tmp", prefix="compare.")
            os.chmod(self.folder, 0o755)
            binary = shutil.copy(live.DAEMON, self.folder)
            wrapper = as_nobody(capabilities)
        self.daemon = live.Daemon(f"--pss.mode={mode}", *flags, wrapper=wrapper,
                                  binary=binary)
        self.pid = self.daemon.pid

    def scrape(self):
        return self.daemon.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="60").body

    def metrics(self):
        return self.daemon.metrics()

    def pss(self, reply, names):
        found = live.Exposition(reply.decode()).values("memory_group_pss_bytes")
        return sum(value for labels, value in found if labels["name"] in names) if found else None

    def stop(self):
        self.daemon.stop()
        self.daemon.log_file.close()
        if self.folder:
            shutil.rmtree(self.folder)


def as_nobody(capability):
    granted = f"-all,+{capability}"
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={granted}",
            f"--ambient-caps={granted}", f"--bounding-set={granted}", "--no-new-privs"]


class Peer:
    """Debian's process-exporter, one group for each process name, as this exporter groups."""

    CONFIG = 'process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n'

    def __init__(self, smaps):
        self.label = "process-exporter" + (", smaps" if smaps else "")
        self.config = tempfile.NamedTemporaryFile("w", suffix=".yml")
        self.config.write(self.CONFIG)
        self.config.flush()
        self.port = live.free_port()
        self.child = subprocess.Popen(
            [PEER, f"-web.listen-address=127.0.0.1:{self.port}", f"-config.path={self.config.name}",
             f"-gather-smaps={'true' if smaps else 'false'}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.child.pid
        live.wait_until(self._listens, 60, "process-exporter listens")

    def _listens(self):
        if self.child.poll() is not None:
            raise AssertionError(f"process-exporter ended with {self.child.returncode}")
        try:
            return live.http_get(self.port, "/").status == 200
        except OSError:
            return False

    def scrape(self):
        return live.http_get(self.port, "/metrics", timeout=60).body

    def pss(self, reply, names):
        wanted = r'groupname="([^"]*)",memtype="proportionalResident"\} (\S+)'
        found = re.findall(wanted, reply.decode())
        return sum(float(value) for name, value in found if name in names) if found else None

    def stop(self):
        self.child.kill()
        self.child.wait()
        self.config.close()


class StallTarget:
    """A large process that times its own mmap and munmap; see stall_target.cc."""

    def __init__(self, mib):
        self.child = subprocess.Popen([built("stall_target"), str(mib)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        self.pid = json.loads(self.child.stdout.readline())["pid"]

    def begin(self, seconds):
        self.child.stdin.write(f"{seconds}\n".encode())
        self.child.stdin.flush()

    def end(self):
        """What became of what was begun last."""
        return json.loads(self.child.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Cost:
    """What one contender's scrapes took."""

    SETTLE = 0.05  # what a server still does once it has answered is part of the scrape

    def __init__(self, contender):
        self.contender = contender
        self.cpu, self.latency, self.errors, self.size = [], [], [], 0

    def measure(self, population=None):
        """One scrape; its error where there is a population whose truth is known."""
        before = cpu_seconds(self.contender.pid)
        start = time.monotonic()
        reply = self.contender.scrape()
        self.latency.append(time.monotonic() - start)
        time.sleep(self.SETTLE)
        self.cpu.append(cpu_seconds(self.contender.pid) - before)
        self.size = len(reply)
        pss = self.contender.pss(reply, population.names()) if population else None
        if pss is not None:
            self.errors.append(pss / population.pss() - 1)

    def forget(self):
        self.cpu, self.latency, self.errors = [], [], []

    def memory(self):
        status = live.read_keyed(f"/proc/{self.contender.pid}/status")
        return status["VmRSS"], status["RssAnon"]

