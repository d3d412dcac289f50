"""What the tests of the system's figures do to a machine, and undo: memory held by a child, settings
of the kernel, zram disks, memory cgroups. Standard library only."""

import contextlib
import ctypes
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import live

MIB = 1 << 20
GIB = 1 << 30
PAGE = os.sysconf("SC_PAGESIZE")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def meminfo():
    """/proc/meminfo in bytes, counts as they are."""
    fields = {}
    for line in read("/proc/meminfo").splitlines():
        name, value = line.split(":")
        number, *unit = value.split()
        fields[name] = int(number) * (1024 if unit else 1)
    return fields


def vmstat():
    return {name: int(value) for name, value in
            (line.split() for line in read("/proc/vmstat").splitlines())}


def room(wanted, reserve=4 * GIB):
    """As much as wanted, or half of what the machine can spare, in whole MiB."""
    spare = max(meminfo()["MemAvailable"] - reserve, 0) // 2
    return min(wanted, spare) // MIB * MIB


def need_room(wanted, reserve=4 * GIB):
    if room(wanted, reserve) < wanted:
        raise unittest.SkipTest(f"less than {wanted // MIB} MiB to spare")


class Setting:
    """A file of /proc/sys or /sys with another value for as long as it lives; skips where the
    kernel has no such setting or does not let us change it."""

    def __init__(self, path, value):
        live.need_root()
        self.path = path
        try:
            before = read(path).strip()
            self.before = before.partition("[")[2].partition("]")[0] or before
            with open(path, "w", encoding="ascii") as file:
                file.write(str(value))
        except OSError as error:
            raise unittest.SkipTest(f"{path} cannot be set: {error.strerror}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with open(self.path, "w", encoding="ascii") as file:
            file.write(self.before)


class Hog:
    """A child that holds memory of its own. `cgroup` is the folder of a cgroup to run in."""

    def __init__(self, cgroup=None):
        def enter():
            if cgroup:
                with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
                    file.write(str(os.getpid()))
        self.child = subprocess.Popen(
            [sys.executable, "-B", __file__, "hog"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, preexec_fn=enter)
        self.pid = self.child.pid
        # Until then it takes memory of its own, for which a cgroup's limit must have room.
        self.child.stdout.readline()

    def do(self, *words):
        """One command of _hog(); its answer, or nothing where the child has ended."""
        self.child.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.child.stdin.flush()
        return self.child.stdout.readline().strip()

    def kill(self):
        self.child.kill()
        self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        self.kill()
        self.child.stdout.close()


class Zram:
    """A zram disk of its own, reset and removed at the end."""

    def __init__(self, size):
        live.need_root()
        try:
            self.number = int(read("/sys/class/zram-control/hot_add"))
        except OSError as error:
            raise unittest.SkipTest(f"no zram: {error.strerror}") from error
        self.folder = f"/sys/block/zram{self.number}"
        self.device = f"/dev/zram{self.number}"
        with open(f"{self.folder}/disksize", "w", encoding="ascii") as file:
            file.write(str(size))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path, value in ((f"{self.folder}/reset", "1"),
                            ("/sys/class/zram-control/hot_remove", str(self.number))):
            with open(path, "w", encoding="ascii") as file:
                file.write(value)


class SwapOn:
    """A device as swap space."""

    def __init__(self, device, priority):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        self.device = device
        subprocess.run(["mkswap", "-q", device], check=True)
        subprocess.run(["swapon", f"--priority={priority}", device], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["swapoff", self.device], check=True)


class LoopDevice:
    """A file as a disk."""

    def __init__(self, size):
        live.need_root()
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        self.file = tempfile.NamedTemporaryFile(dir="/var/tmp")
        self.file.write(bytes(size))
        self.file.flush()
        done = subprocess.run(["losetup", "--find", "--show", self.file.name], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            self.file.close()
            raise unittest.SkipTest(f"no loop device: {done.stderr.strip()}")
        self.device = done.stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["losetup", "--detach", self.device], check=True)
        self.file.close()


class MemoryCgroup:
    """A cgroup of its own on the hierarchy that has the memory controller."""

    def __init__(self, name):
        live.need_root()
        roots = {"/sys/fs/cgroup/memory": "memory.usage_in_bytes", "/sys/fs/cgroup": "cgroup.procs"}
        for root, file in roots.items():
            controllers = os.path.join(root, "cgroup.controllers")
            if os.path.exists(os.path.join(root, file)) and (
                    not os.path.exists(controllers) or "memory" in read(controllers).split()):
                break
        else:
            raise unittest.SkipTest("no memory controller")
        self.v1 = root.endswith("memory")
        self.path = f"/{name}.{os.getpid()}"
        self.folder = root + self.path
        if not self.v1:
            with open(os.path.join(root, "cgroup.subtree_control"), "w", encoding="ascii") as file:
                file.write("+memory")
        os.mkdir(self.folder)

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def limit(self, size):
        self.write("memory.limit_in_bytes" if self.v1 else "memory.max", size)

    def reclaim(self):
        """Takes what can be taken, the swap cache too."""
        with contextlib.suppress(OSError):  # less was there than was asked for
            if self.v1:
                self.write("memory.force_empty", 0)
            else:
                self.write("memory.reclaim", 1 << 40)

    def usage(self):
        return int(self.read("memory.usage_in_bytes" if self.v1 else "memory.current"))

    def read(self, name):
        return read(os.path.join(self.folder, name)).strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        def removed():
            with contextlib.suppress(OSError):
                os.rmdir(self.folder)
            return not os.path.exists(self.folder)
        live.wait_until(removed, 10, f"{self.folder} is empty")


# --- inside the child -----------------------------------------------------------------------------

MADV_MERGEABLE, MADV_HUGEPAGE, MADV_PAGEOUT = 12, 14, 21
MAP_HUGETLB = 0x40000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _address(area):
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def _hog():
    """Says that it is there, then reads commands and answers each with a line."""
    areas = {}

    def advise(name, advice):
        area = areas[name]
        if _libc.madvise(ctypes.c_void_p(_address(area)), ctypes.c_size_t(len(area)), advice) != 0:
            return os.strerror(ctypes.get_errno())
        return "done"

    def map_area(name, size, kind):
        flags = mmap.MAP_SHARED if kind in ("shared", "huge_shared") else mmap.MAP_PRIVATE
        if kind == "hugetlb":
            flags |= MAP_HUGETLB
        try:
            areas[name] = mmap.mmap(-1, size, flags=flags | mmap.MAP_ANONYMOUS)
        except OSError as error:
            return error.strerror
        if kind in ("private", "shared"):
            areas[name].madvise(mmap.MADV_NOHUGEPAGE)
        elif kind in ("huge", "huge_shared"):
            areas[name].madvise(mmap.MADV_HUGEPAGE)
        return "done"

    def map_file(name, path):
        with open(path, "r+b") as file:
            areas[name] = mmap.mmap(file.fileno(), 0)
        return "done"

    def fill(name, what):
        area = areas[name]
        address = _address(area)
        if what == "same":
            ctypes.memset(address, 7, len(area))
        elif what == "zeros":
            ctypes.memset(address, 0, len(area))
        elif what == "first":  # one page of each 2 MiB
            for at in range(0, len(area), 2 * MIB):
                area[at] = 1
        elif what == "random":  # what does not compress
            block = os.urandom(MIB)
            for at in range(0, len(area), MIB):
                area[at:at + MIB] = at.to_bytes(8, "little") + block[8:]
        else:  # every page another, and still compressible
            ctypes.memset(address, 1, len(area))
            for at in range(0, len(area), PAGE):
                area[at:at + 8] = (at + 1).to_bytes(8, "little")
        return "done"

    def touch(name):
        area = areas[name]
        return str(sum(area[at] for at in range(0, len(area), PAGE)))

    def punch(name):  # every second 64 KiB given back
        area = areas[name]
        for at in range(0, len(area), 131072):
            area.madvise(mmap.MADV_DONTNEED, at, 65536)
        return "done"

    def lock(name):
        area = areas[name]
        if _libc.mlock(ctypes.c_void_p(_address(area)), ctypes.c_size_t(len(area))) != 0:
            return os.strerror(ctypes.get_errno())
        return "done"

    def fork():  # a child that shares every page and lives as long
        if os.fork() == 0:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            while True:
                signal.pause()
        return "done"

    def read_file(path):  # without mapping it: its pages are the easiest to reclaim
        with open(path, "rb", buffering=0) as file:
            while file.read(MIB):
                pass
        return "done"

    def free(name):
        areas.pop(name).close()
        return "done"

    commands = {
        "map": lambda name, size, kind: map_area(name, int(size), kind), "fill": fill,
        "touch": touch, "punch": punch, "free": free,
        "map_file": map_file, "read_file": read_file, "lock": lock, "fork": fork,
        "pageout": lambda name: advise(name, MADV_PAGEOUT),
        "mergeable": lambda name: advise(name, MADV_MERGEABLE),
        "hugepage": lambda name: advise(name, MADV_HUGEPAGE),
    }
    print("ready", flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(commands[command](*arguments), flush=True)


if __name__ == "__main__" and sys.argv[1:] == ["hog"]:
    _hog()
