"""Processes and cgroups whose names mean something to whoever prints them: the exposition stays what it
is, the page shows them, and --once does not move a terminal."""

import ctypes
import errno
import os
import random
import signal
import subprocess
import tempfile
import unittest

from attack import FULL, live

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
NAMES = [b"<script>alert", b'"><img src=x>', b'a"b\\c', b"a\nb", b"\\n", b"a\\\nb", b"", b" ", b"\xff\xfe",
         b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"(a) R 1 1 1", b"a) Z 1", b")",
         b"(((", b"\x01\x02\x1b[31m", b"\x7f", b'{name="x"}', b"# EOF", b"other", b"=1+1", b"\xc2\x85",
         b"\xef\xbb\xbfbom", b"\xe2\x80\xae", b"a\tb", b"a\rb", b"%n%s", b"Name:\t1", b"VmRSS: 1",
         b"\xf0\x9f\x98\x80x", b"&lt;", b"'onload='"]
# The page shows the largest groups.
HEAVY = [b"<script>alert", b"\x01\x02\x1b[31m", b"\xe2\x80\xae"]
CGROUPS = [b"<b>x<|b>", b'"q"', b"back\\slash", b"\xff\xfe", b" sp ", b"\x1b[2J", b"a" * 255, b"..x",
           b"\xe2\x80\xae", b"a:b", b"x (deleted)", b"{}", b"tab\there", b"\\n"]
MEMORY = "/sys/fs/cgroup/memory"


def names():
    rand = random.Random(3)
    made = [bytes(rand.randrange(1, 256) for _ in range(rand.randrange(1, 16)))
            for _ in range(400 if FULL else 60)]
    return NAMES + made


class Named:
    """Processes that sleep under these names, HEAVY ones with memory of their own."""

    def __init__(self, wanted):
        libc = ctypes.CDLL(None)
        self.pids = []
        for name in wanted:
            pid = os.fork()
            if pid == 0:
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                libc.prctl(PR_SET_NAME, name)
                memory = b"x" * (64 << 20) if name in HEAVY else b""  # noqa: F841 (held)
                while True:
                    signal.pause()
            self.pids.append(pid)

    def __enter__(self):
        return self

    def end(self):
        while self.pids:
            pid = self.pids.pop()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def __exit__(self, *_):
        self.end()


def run_on_terminal(command):
    """What it writes to a terminal of its own."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs)
    os.close(theirs)
    shown = bytearray()
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError as failed:
        if failed.errno != errno.EIO:  # the other side is closed
            raise
    finally:
        os.close(ours)
        process.wait()
    return bytes(shown)


class HostileNames(unittest.TestCase):
    def make_cgroups(self, pids):
        """One for each name, with a process in it; where the machine has none, there are none."""
        if os.geteuid() != 0 or not os.path.exists(f"{MEMORY}/cgroup.procs"):
            return
        top = os.fsencode(tempfile.mkdtemp(prefix="attack.", dir=MEMORY))
        self.addCleanup(os.rmdir, top)
        for name, pid in zip(CGROUPS, pids):
            os.mkdir(top + b"/" + name)
            self.addCleanup(os.rmdir, top + b"/" + name)
            with open(top + b"/" + name + b"/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(pid))

    def test_once_does_not_move_a_terminal_and_changes_nothing_in_a_pipe(self):
        with Named([b"\x1b[2J", b"\xe2\x80\xae"]):
            _, piped, _ = live.run_daemon("--once", "--pss.mode=off")
            shown = run_on_terminal([live.DAEMON, "--once", "--pss.mode=off"]).decode("utf-8")
        for raw, escaped in (("\x1b[2J", "\\u001b[2J"), ("\u202e", "\\u202e")):
            self.assertIn(f'name="{raw}"', piped)
            self.assertIn(f'name="{escaped}"', shown)
        self.assertEqual([sign for sign in shown if not sign.isprintable() and sign not in "\r\n"], [])

    def test_formats_and_page_hold(self):
        with Named(names()) as processes:
            self.make_cgroups(processes.pids)
            self.addCleanup(processes.end)  # before the cgroups
            with live.Daemon("--collector.process_details", "--collector.mappings") as daemon:
                metrics = daemon.settled_metrics()  # parsed strictly: valid UTF-8, no series twice
                found = {labels["name"] for labels, _ in metrics.values("memory_group_processes")}
                for name in ("<script>alert", 'a"b\\c', "a\nb", "(a) R 1 1 1", "\x01\x02\x1b[31m",
                             "\u202e"):
                    self.assertIn(name, found)
                openmetrics = daemon.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
                self.assertTrue(openmetrics.text.endswith("# EOF\n"))
                page = daemon.get("/").text
                for shown in ("&lt;script&gt;alert", "\\u0001\\u0002\\u001b[31m", "\\u202e"):
                    self.assertIn(shown, page)
                self.assertNotIn("<script>alert", page)
                self.assertNotIn("<img src=x>", page)
                self.assertEqual([sign for sign in page if not sign.isprintable() and sign != "\n"], [])
                self.assertLess(len(daemon.log), 4000)


if __name__ == "__main__":
    live.main()
