#!/usr/bin/env python3
"""Whose memory is whose, as the daemon counts it with kcmp(2) and in each of the places where that
does not answer. The families of processes are those of tests/process/kinship_live_test.cc, 64 MiB
each memory."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import live

FAMILIES = os.path.join(live.BUILD, "tests", "process", "kinship_live_test")
MIB = 1024 * 1024
SIZE = 64 * MIB

# How many processes a family has, and on how many memories they are.
COPIES = {"kin.fork": (2, 2), "kin.chain": (5, 5)}
VFORKED = {"kin.vfork": (2, 1), "kin.spawn": (2, 1), "kin.by_thread": (2, 1), "kin.no_leader": (2, 1)}
CLONED = {"kin.clone_vm": (2, 1), "kin.siblings": (2, 1), "kin.orphans": (2, 1)}

# Runs what follows behind a seccomp filter that refuses kcmp as a container runtime's does: EPERM.
WITHOUT_KCMP = """
import ctypes, os, struct, sys
number = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)))
text = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(text)))) != 0:
    sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Found:
    """What one run of the daemon says of a family."""

    def __init__(self, text, name):
        metrics = live.Exposition(text)
        self.processes = metrics.value("memory_group_processes", name=name)
        self.resident = metrics.value("memory_group_resident_bytes", name=name, kind="anon")
        self.pss = metrics.value("memory_group_pss_bytes", name=name, kind="anon")
        self.unknown = metrics.value("memory_exporter_processes_sharing_unknown")

    def __repr__(self):
        return str(vars(self))


class KinshipTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        live.need_root()
        live.need_command("setpriv"), live.need_command("unshare")
        # A copy where nobody may look, wherever this is built.
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        os.chmod(cls.folder, 0o755)
        cls.binary = shutil.copy(live.DAEMON, cls.folder)
        os.mkfifo(os.path.join(cls.folder, "fifo"))

    @contextlib.contextmanager
    def family(self, name):
        with subprocess.Popen([FAMILIES, "--child", name], stdout=subprocess.DEVNULL,
                              start_new_session=True,
                              env={**os.environ, "FIFO": os.path.join(self.folder, "fifo")}) as first:
            try:
                yield
            finally:
                os.killpg(first.pid, signal.SIGKILL)

    def look(self, name, *wrapper):
        done = subprocess.run([*wrapper, self.binary, "--once"], capture_output=True, check=True,
                              timeout=60)
        return Found(done.stdout.decode("utf-8"), name)

    def check(self, families, wrapper, measured=True, counted_twice=False):
        for name, (processes, memories) in families.items():
            with self.subTest(name), self.family(name):
                expected = (processes if counted_twice else memories) * SIZE
                # All of them have started, and are at rest.
                for _ in range(100):
                    found = self.look(name, *wrapper)
                    if found.processes == processes and found.resident >= expected:
                        break
                    time.sleep(0.1)
                self.assertEqual(found.processes, processes)
                self.assertAlmostEqual(found.resident, expected, delta=2 * MIB * processes)
                if counted_twice:
                    self.assertGreaterEqual(found.unknown, 1)
                if not measured:
                    self.assertIsNone(found.pss)
                    continue
                # Copies of which nobody has written a page share them all.
                pss = SIZE if name in COPIES else expected
                self.assertAlmostEqual(found.pss, pss, delta=2 * MIB * processes)

    def test_with_kcmp_memory_is_counted_once(self):
        self.check({**COPIES, **VFORKED, **CLONED}, ())

    def check_without_kcmp(self, *wrapper, measured=True):
        self.check({**COPIES, **VFORKED}, wrapper, measured)
        self.check(CLONED, wrapper, measured, counted_twice=True)

    def test_in_a_pid_namespace_of_its_own(self):
        self.check_without_kcmp("unshare", "--pid", "--fork")

    def test_behind_a_filter_that_refuses_kcmp(self):
        self.check_without_kcmp("python3", "-c", WITHOUT_KCMP)

    def test_as_nobody_without_capabilities(self):
        self.check_without_kcmp("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                "--inh-caps=-all", "--bounding-set=-all", measured=False)


if __name__ == "__main__":
    live.main()
