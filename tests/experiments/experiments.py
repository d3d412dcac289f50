"""What the experiments have in common: a small program in a group of its own, halted at one step
after the other, and what the exporter says of it at each. Standard library only."""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "live"))
import live  # noqa: E402

KIB, MIB, GB = 1 << 10, 1 << 20, 10 ** 9
PAGE = os.sysconf("SC_PAGE_SIZE")
PROGRAMS = os.path.join(live.BUILD, "tests", "experiments")
# The resident figures of status are approximate from kernel 6.2 to early 2025: every CPU holds back
# up to 32 pages. Those of smaps_rollup (PSS, USS) are exact, but for a page or two of stack.
SLACK_OF_ONE_CPU = 32 * PAGE
RESIDENT_SLACK = SLACK_OF_ONE_CPU * os.cpu_count()
PAGES_SLACK = 16 * KIB


def program(name):
    return os.path.join(PROGRAMS, name)


class Program:
    """A running program. Its comm, and so its group, is one that no other process has; where a test
    needs a certain one it is given as `comm`."""

    _count = 0

    def __init__(self, path, *arguments, comm=None, cgroup=None, on_one_cpu=False):
        if comm is None:
            Program._count += 1
            comm = f"x{Program._count}.{os.getpid()}"
        self.name = comm if isinstance(comm, str) else comm.decode("utf-8", "replace")
        self.folder = tempfile.TemporaryDirectory(prefix="experiment.")
        # The kernel takes the comm from the path that is executed, not from what it points to.
        link = os.path.join(os.fsencode(self.folder.name), os.fsencode(comm))
        os.symlink(os.path.abspath(path), link)

        def prepare():
            if cgroup:
                cgroup.enter()
            if on_one_cpu:
                os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.process = subprocess.Popen([link, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, bufsize=0, preexec_fn=prepare)
        self.at = None

    @property
    def pid(self):
        return self.process.pid

    def reach(self, step=None):
        """Lets it run to its next step, which is `step`, and returns the step's name."""
        if self.at is not None:
            self.process.stdin.write(b"\n")
        self.at = self.process.stdout.readline().decode().rstrip("\n")
        if not self.at:
            code = self.process.wait()
            raise AssertionError(f"it ended with {code} on its way to {step or 'a step'}")
        assert step is None or self.at == step, f"it is at {self.at}, not at {step}"
        return self.at

    def limit(self, which, soft):
        """As `ulimit -S` would have."""
        resource.prlimit(self.pid, which, (soft, resource.prlimit(self.pid, which)[1]))

    def run_on(self):
        """Lets it run without waiting for a step."""
        self.process.stdin.write(b"\n")
        self.at = None

    def kill(self):
        """For one that listens to nobody."""
        self.process.kill()
        self.process.wait()

    def end(self):
        """Lets it come to its end; its exit code (negative: the signal)."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


class Group:
    """What one exposition says of one group, over its cgroups; None where it says nothing."""

    def __init__(self, exposition, name):
        self.exposition, self.name = exposition, name

    def value(self, family, **labels):
        return self.exposition.sum(f"memory_group_{family}", name=self.name, **labels)

    def resident(self, kind):
        return self.value("resident_bytes", kind=kind)

    def pss(self, kind):
        return self.value("pss_bytes", kind=kind)

    def segment(self, segment):
        return self.value("segment_bytes", segment=segment)

    def region(self, region, figure):
        """0 where it has none of that region."""
        return self.value(f"region_{figure}", region=region) or 0

    def limit_usage(self, limit):
        return self.value("limit_usage_ratio", limit=limit)

    def regions(self, figure):
        """{region: figure} of those that it has."""
        return {labels["region"]: number for labels, number in self.exposition.values(
            f"memory_group_region_{figure}", name=self.name)}


class Experiment(unittest.TestCase):
    """One row of docs/experiments.md. What it saw is printed, for the page to quote."""

    def start_exporter(self, *flags, mode="exact", **options):
        """With a fresh walk of every process in each scrape, unless asked for otherwise."""
        return self.enterContext(live.Daemon(f"--pss.mode={mode}", *flags, **options))

    def start(self, name, *arguments, **options):
        return self.enterContext(Program(program(name), *map(str, arguments), **options))

    def look(self, exporter, *programs):
        """The groups of one scrape, and the scrape itself where no program is asked for."""
        exposition = exporter.metrics()
        groups = [Group(exposition, one if isinstance(one, str) else one.name) for one in programs]
        return groups[0] if len(groups) == 1 else groups or exposition

    def assertClose(self, measured, expected, tolerance, what=None):
        self.assertIsNotNone(measured, what)
        self.assertLessEqual(abs(measured - expected), tolerance,
                             f"{what or ''}: {measured}, expected {expected} +- {tolerance}")

    def saw(self, **figures):
        """Prints figures; bytes as KiB where they are large."""
        def text(value):
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, int) and abs(value) >= 64 * KIB:
                return f"{value / KIB:,.0f} KiB"
            return f"{value:.3f}" if isinstance(value, float) else str(value)
        print(f"{self.id().split('.', 1)[1]} saw:",
              ", ".join(f"{name} {text(value)}" for name, value in figures.items()),
              file=sys.stderr)


def read_number(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def meminfo():
    return live.read_keyed("/proc/meminfo")


class Setting:
    """A file of /proc/sys or /sys with another value for as long as it lives. Skips where the
    machine does not allow it."""

    def __init__(self, path, value):
        live.need_root()
        self.path = path
        try:
            with open(path, encoding="ascii") as file:
                self.before = file.read().strip()
            self.write(value)
        except OSError as error:
            raise unittest.SkipTest(f"cannot set {path}: {error.strerror}") from error

    def write(self, value):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(str(value))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.write(self.before)


class MemoryCgroup:
    """A memory cgroup with a limit, of version 1 or 2, for as long as it lives."""

    def __init__(self, limit=None):
        live.need_root()
        root, self.version = self._hierarchy()
        self.path = os.path.join(root, f"experiment.{os.getpid()}")
        try:
            os.mkdir(self.path)
        except OSError as error:
            raise unittest.SkipTest(f"cannot make a cgroup: {error.strerror}") from error
        if limit is not None:
            self.set_limit(limit)

    @staticmethod
    def _hierarchy():
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                kind, _, options = after.split(maxsplit=2)
                where = before.split()[4]
                if kind == "cgroup" and "memory" in options.strip().split(","):
                    return where, 1
                if kind == "cgroup2" and "memory" in open(
                        os.path.join(where, "cgroup.subtree_control"), encoding="ascii").read():
                    return where, 2
        raise unittest.SkipTest("no memory controller of cgroups")

    def _write(self, name, value):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def set_limit(self, limit):
        """Of memory, and of swap: none, where swap is counted."""
        if self.version == 1:
            self._write("memory.limit_in_bytes", limit)
            with contextlib.suppress(OSError):
                self._write("memory.memsw.limit_in_bytes", limit)
        else:
            self._write("memory.max", limit)
            with contextlib.suppress(OSError):
                self._write("memory.swap.max", 0)

    def reclaim(self):
        """Takes what can be taken, the swap cache too."""
        if self.version == 1:
            self._write("memory.force_empty", 0)
        else:
            with contextlib.suppress(OSError):  # less was there than was asked for
                self._write("memory.reclaim", 1 << 40)

    def enter(self):
        self._write("cgroup.procs", os.getpid())

    @property
    def label(self):
        """As the exporter names it."""
        return "/" + os.path.basename(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        live.wait_until(self._remove, 10, "the cgroup is empty")

    def _remove(self):
        try:
            os.rmdir(self.path)
            return True
        except OSError:
            return False


main = live.main
