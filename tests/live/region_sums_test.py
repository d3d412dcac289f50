"""The regions of what machines run add up: of a browser, a JVM, Node and Prometheus, whose allocators,
compilers and libraries map memory in ways of their own. In a pid namespace of its own, where all but
the exporter and this script stands still for as long as they are looked at."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import tempfile
import unittest

import live

KIB, MIB = 1 << 10, 1 << 20
LOOKS = 5  # stopped processes move too: the kernel takes their pages back, or makes huge ones of them

PAGE = """<!DOCTYPE html>
<title>Memory</title>
<canvas id="canvas" width="1000" height="1000"></canvas>
<script>
  const kept = [new WebAssembly.Memory({initial: 64})];
  for (let i = 0; i < 64; ++i) kept.push(new Uint8Array(1 << 20).fill(i));
  document.getElementById("canvas").getContext("2d").fillRect(0, 0, 500, 500);
  console.log("ready");
</script>
"""

JAVA = """import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;

public class Memory {
  public static void main(String[] arguments) throws Exception {
    var kept = new ArrayList<Object>();
    for (int i = 0; i < 64; ++i) kept.add(new byte[1 << 20]);
    kept.add(ByteBuffer.allocateDirect(16 << 20));
    try (var file = new RandomAccessFile("mapped", "rw")) {
      var mapped = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 4 << 20);
      while (mapped.hasRemaining()) mapped.put((byte) 1);
      kept.add(mapped);
    }
    for (int i = 0; i < 8; ++i) new Thread(Memory::sleep).start();
    System.out.println("ready");
    sleep();
  }

  static void sleep() {
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException stop) {
    }
  }
}
"""

NODE = """
const kept = [new WebAssembly.Memory({initial: 64})];
for (let i = 0; i < 64; ++i) kept.push(Buffer.alloc(1 << 20, i));
const {Worker} = require("worker_threads");
new Worker("setInterval(() => {}, 1000)", {eval: true}).on("online", () => console.log("ready"));
"""


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class Program:
    """A program that says that it is ready once it has what it was told to take. `command` makes its
    command line from the folder that it may write to."""

    def __init__(self, command):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command(self.folder.name), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            cwd=self.folder.name,
            env=dict(os.environ, HOME=self.folder.name, TMPDIR=self.folder.name))
        try:
            live.wait_until(self._is_ready, 60, f"{self.process.args[0]} is ready")
        except BaseException:
            self.__exit__()
            raise

    def _is_ready(self):
        self.log.seek(0)
        said = self.log.read().decode("utf-8", "replace")
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {said}")
        return re.search(r"\bready\b", said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.folder.cleanup()


def browser():
    chromium = live.need_command("chromium")
    return Program(lambda folder: [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={folder}/profile", "--enable-logging=stderr",
        "file://" + write(folder, "page.html", PAGE)])


def jvm():
    java = live.need_command("java")
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=True)
    if "jdk.compiler@" not in modules.stdout:
        raise unittest.SkipTest("this java cannot run a source file: it has no compiler")
    return Program(lambda folder: [java, "-Xmx256m", "-XX:-UsePerfData",  # no file in /tmp
                                   write(folder, "Memory.java", JAVA)])


def node():
    command = live.need_command("node")
    return Program(lambda _: [command, "-e", NODE])


# --- looking --------------------------------------------------------------------------------------


@contextlib.contextmanager
def standing_still(but):
    """Stops every process `but` those, and what they start meanwhile; their pids."""
    def running():
        return [pid for pid in live.living_pids() if pid not in but and pid not in stopped]
    stopped = []
    try:
        while pids := running():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            stopped += pids
        live.wait_until(lambda: all(map(stands_still, stopped)), 20, "everything has stopped")
        yield [pid for pid in live.living_pids() if pid in stopped]
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def stands_still(pid):
    """Stopped in all its threads, or ended."""
    states = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", "rb") as file:
                states.append(file.read().rpartition(b")")[2].split()[0])
    return set(states) <= {b"T", b"Z", b"X"}


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().rstrip("\n")


def kernel_figures(pids):
    """{name: {figure: bytes}} as status and smaps_rollup have it."""
    groups = {}
    for pid in pids:
        rollup = live.read_keyed(f"/proc/{pid}/smaps_rollup")
        figures = {"virtual": live.read_keyed(f"/proc/{pid}/status")["VmSize"],
                   "resident": rollup["Rss"], "swap": rollup["Swap"],
                   "uss": rollup["Private_Clean"] + rollup["Private_Dirty"]}
        group = groups.setdefault(name_of(pid), dict.fromkeys(figures, 0))
        for figure, value in figures.items():
            group[figure] += value
    return groups


def what_does_not_add_up(metrics, name, kernel):
    def whole(family):
        return metrics.sum(f"memory_group_{family}", name=name) or 0

    def regions(figure):
        """Without vsyscall, which is no part of the address space, and has nothing resident."""
        return sum(value for labels, value in metrics.values(
            f"memory_group_region_{figure}", name=name) if labels["region"] != "vsyscall")

    cut_off = regions("mappings") * KIB  # of each mapping's PSS
    for figure, is_, must, within in (
            ("virtual", regions("virtual_bytes"), whole("virtual_bytes"), 0),
            ("virtual", regions("virtual_bytes"), kernel["virtual"], 0),
            ("resident", regions("resident_bytes"), kernel["resident"], 0),
            ("uss", regions("uss_bytes"), whole("uss_bytes"), 0),
            ("uss", regions("uss_bytes"), kernel["uss"], 0),
            ("pss", regions("pss_bytes"), whole("pss_bytes"), cut_off),
            ("swap", regions("swap_bytes"), kernel["swap"], 0),
            ("swap", regions("swap_bytes"), whole("swap_bytes") + whole("swap_shmem_bytes"),
             cut_off),
            ("mappings", regions("mappings"), whole("mappings"), 0),
            ("unmeasured", whole("region_unmeasured_resident_bytes"), 0, 0)):
        if abs(is_ - must) > within:
            yield f"{name}: {figure} {is_:.0f}, but {must:.0f}"


def page_out(pid):
    """Swaps private memory of another process out, as far as the kernel likes to."""
    process_madvise, madv_pageout = 440, 21
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        private = re.findall(r"^(\w+)-(\w+) rw.p 00000000 00:00 0 ", file.read(), re.MULTILINE)
    for start, end in private:
        area = (ctypes.c_size_t * 2)(int(start, 16), int(end, 16) - int(start, 16))
        libc.syscall(process_madvise, process, area, ctypes.c_size_t(1), madv_pageout,
                     ctypes.c_uint(0))
    os.close(process)


class RegionSumsTest(unittest.TestCase):
    def setUp(self):
        self.daemon = self.enterContext(live.Daemon("--pss.mode=exact", "--collector.mappings"))
        self.addCleanup(self.end_what_is_left)

    def end_what_is_left(self):
        """Helpers of a browser that are nobody's children any more."""
        for pid in live.living_pids():
            if pid not in (os.getpid(), self.daemon.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def start(self, program):
        """Its process."""
        return self.enterContext(program()).process

    def prometheus(self):
        return live.Prometheus(self.daemon.port, live.need_command("prometheus"))

    def kernel_figures_that_add_up(self):
        """Of everything that runs. Nothing is to be wrong in one of some looks: what is wrong with
        the exporter is wrong in each."""
        with standing_still(but={os.getpid(), self.daemon.pid}) as pids:
            for _ in range(LOOKS):
                kernel = kernel_figures(pids)
                metrics = self.daemon.settled_metrics()
                if kernel_figures(pids) != kernel:
                    wrong = ["the kernel moved something each time"]
                    continue
                wrong = [line for name, figures in kernel.items()
                         for line in what_does_not_add_up(metrics, name, figures)]
                if not wrong:
                    return kernel
        self.fail("\n".join(wrong))

    def check(self, *programs):
        started = [self.start(program) for program in programs]
        kernel = self.kernel_figures_that_add_up()
        for process in started:
            self.assertGreater(kernel[name_of(process.pid)]["resident"], 32 * MIB)

    def test_a_browser(self):
        self.check(browser)

    def test_a_jvm(self):
        self.check(jvm)

    def test_node(self):
        self.check(node)

    def test_prometheus(self):
        self.check(self.prometheus)

    def test_all_of_them_beside_each_other(self):
        self.check(browser, jvm, node, self.prometheus)

    def test_memory_swapped_out(self):
        self.enterContext(live.SwapFile(256))
        running = self.start(node)
        page_out(running.pid)
        kernel = self.kernel_figures_that_add_up()
        self.assertGreater(kernel[name_of(running.pid)]["swap"], 16 * MIB)


if __name__ == "__main__":
    live.in_own_pid_namespace()
    live.main()
