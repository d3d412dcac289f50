"""The collectors on a kernel with nothing but cgroup v2: Debian's own, booted in QEMU with the
daemon, a shell and processes of known memory in its first file system. guest/init makes things
happen there and writes down what the kernel's files and the exporter say; here the two are held
against each other. Needs half a minute of one CPU."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import live

GUEST = pathlib.Path(__file__).resolve().parent / "guest"
SERVERS = pathlib.Path(live.SOURCE) / "build" / "servers"
MAKE_ROOT = pathlib.Path(live.SOURCE) / "deploy" / "container" / "make-root"
PATIENCE = 280  # seconds for a machine that takes 30 on an idle CPU
MEMORY = "512M"
MIB = 1 << 20

# Each file of a cgroup that holds one figure, and the family that has it.
FIGURES = {
    "memory.current": "memory_cgroup_current_bytes",
    "memory.peak": "memory_cgroup_peak_bytes",
    "memory.min": "memory_cgroup_min_bytes",
    "memory.low": "memory_cgroup_low_bytes",
    "memory.high": "memory_cgroup_high_bytes",
    "memory.max": "memory_cgroup_max_bytes",
    "memory.oom.group": "memory_cgroup_oom_group",
    "memory.swap.current": "memory_cgroup_swap_current_bytes",
    "memory.swap.high": "memory_cgroup_swap_high_bytes",
    "memory.swap.max": "memory_cgroup_swap_max_bytes",
}
EVENTS = {
    "memory.events": "memory_cgroup_events_total",
    "memory.events.local": "memory_cgroup_events_local_total",
    "memory.swap.events": "memory_cgroup_swap_events_total",
}
PRESSURE = {"some": "memory_cgroup_pressure_waiting_seconds_total",
            "full": "memory_cgroup_pressure_stalled_seconds_total"}
# Fields of memory.stat: amounts in bytes, by the family's name, and counters.
AMOUNTS = {name: f"memory_cgroup_stat_{name}_bytes" for name in (
    "anon file kernel kernel_stack percpu sock vmalloc shmem file_mapped file_dirty file_writeback "
    "swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file active_file "
    "unevictable slab_reclaimable slab_unreclaimable").split()}
AMOUNTS |= {"pagetables": "memory_cgroup_stat_page_tables_bytes",
            "sec_pagetables": "memory_cgroup_stat_secondary_page_tables_bytes"}
COUNTERS = {name: f"memory_cgroup_stat_{name}_total" for name in (
    "pgfault pgmajfault pgscan pgsteal workingset_refault_anon workingset_refault_file").split()}

# What the guest leaves at 0: a field that is 0 throughout is equal to every other such field.
ZERO = set("active_file anon_thp file_thp file_writeback sec_pagetables shmem_thp sock unevictable "
           "vmalloc workingset_refault_file".split())


# --- the machine ----------------------------------------------------------------------------------


def kernel():
    """Debian's kernel as scripts/install-packages unpacks it: (image, folder of modules)."""
    images = sorted(glob.glob(str(SERVERS / "boot" / "vmlinuz-*-cloud-amd64")))
    if not images:
        raise unittest.SkipTest("no kernel in build/servers: scripts/install-packages all")
    version = os.path.basename(images[-1]).removeprefix("vmlinuz-")
    return images[-1], SERVERS / "lib" / "modules" / version / "kernel"


def add_modules(folder, root):
    """The drivers that the guest needs, one after the other as they depend on each other; what is
    not there is built in."""
    order = []
    for name, options in (("zsmalloc", ""), ("lzo-rle", ""), ("zram", " num_devices=2")):
        for path in folder.rglob(f"{name}.ko"):
            shutil.copy(path, root / "modules")
            order.append(f"/modules/{path.name}{options}")
    (root / "modules" / "order").write_text("\n".join(order) + "\n")


def make_initrd(root, modules):
    for name in ("bin", "dev", "proc", "sys", "tmp", "modules"):
        (root / name).mkdir()
    for program in (live.DAEMON, live.need_command("unshare")):
        subprocess.run([MAKE_ROOT, program, root], check=True)
    shutil.copy(live.need_command("busybox"), root / "bin")
    shutil.copy(live.POPULATION, root / "bin")
    shutil.copy(GUEST / "init", root)
    add_modules(modules, root)
    names = subprocess.run(["find", "."], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    image = root.parent / "initrd"
    with open(image, "wb") as file:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names, stdout=file,
                       check=True)
    return image


def boot(work):
    """What the machine has written, once it has switched itself off."""
    image, modules = kernel()
    root = work / "root"
    root.mkdir()
    initrd = make_initrd(root, modules)
    console, report = work / "console", work / "report"
    command = [live.need_command("qemu-system-x86_64"), "-accel", "tcg", "-cpu", "max", "-smp", "1",
               "-m", MEMORY, "-nodefaults", "-display", "none", "-no-reboot",
               "-kernel", image, "-initrd", str(initrd),
               "-append", "console=ttyS0 rdinit=/init psi=1 cgroup_no_v1=all panic=-1 quiet",
               "-serial", f"file:{console}", "-serial", f"file:{report}"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=True)
    except subprocess.TimeoutExpired:
        pass  # the report says how far it came
    text = report.read_text(encoding="utf-8", errors="replace")
    if not re.search(r"^==> end <==$", text, re.MULTILINE):
        raise AssertionError(f"the machine did not come to its end:\n{text[-4000:]}\n"
                             f"its console:\n{console.read_text(errors='replace')[-4000:]}")
    return text


def sections(text):
    parts = re.split(r"^==> (.*) <==\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


class Files:
    """The lines "PATH:LINE" of the guest's function files."""

    def __init__(self, text):
        self.lines = {}
        for line in text.splitlines():
            path, _, content = line.partition(":")
            self.lines.setdefault(path, []).append(content)

    def cgroups(self):
        """Those that have the memory controller's files, which is all but the root."""
        root = "/sys/fs/cgroup"
        return sorted({os.path.dirname(path).removeprefix(root) for path in self.lines
                       if path.startswith(root) and path.endswith("/memory.current")})

    def of_cgroup(self, cgroup, name):
        """The file's lines; None where it is not there."""
        return self.lines.get(os.path.join("/sys/fs/cgroup" + cgroup, name))

    def number(self, cgroup, name):
        """The one number in it; None for "max" and for no such file."""
        lines = self.of_cgroup(cgroup, name)
        return None if lines in (None, ["max"]) else int(lines[0])

    def fields(self, cgroup, name):
        """{field: number} of a file with a field in each line."""
        return {field: int(number) for field, number in
                (line.split() for line in self.of_cgroup(cgroup, name) or [])}

    def pressure(self, path, kind):
        """Microseconds."""
        for line in self.lines[path]:
            if line.startswith(kind):
                return int(line.rpartition("total=")[2])
        return None


class Look:
    """One scrape and the files before and after it."""

    def __init__(self, parts, name):
        self.name = name
        self.before, self.after = Files(parts[f"{name}/before"]), Files(parts[f"{name}/after"])
        self.text = parts[f"{name}/metrics"]
        self.metrics = live.Exposition(self.text)

    def vmstat(self, field):
        return self.metrics.value(f"memory_vmstat_{field}_total")


class CgroupV2(unittest.TestCase):
    names = ("still", "high", "killed", "removed", "reclaimed")

    @classmethod
    def setUpClass(cls):
        if live.SANITIZED:
            raise unittest.SkipTest("emulated and sanitized it would take minutes")
        if os.uname().machine != "x86_64":
            raise unittest.SkipTest("Debian's kernel of this test is for x86-64")
        for command in ("qemu-system-x86_64", "busybox", "cpio"):
            live.need_command(command)
        with tempfile.TemporaryDirectory(prefix="memory_exporter.") as work:
            text = boot(pathlib.Path(work))
        cls.parts = sections(text)
        cls.looks = {name: Look(cls.parts, name) for name in cls.names}
        print(f"\n  Linux {cls.parts['kernel'].strip()}", flush=True)

    # What the kernel's files say is what is exported.

    def assert_between(self, look, value, before, after, what):
        """Equal to the file; or between its two readings, where it moved."""
        self.assertIsNotNone(value, f"{look.name}: {what} is absent, not {before}")
        self.assertLessEqual(min(before, after), value, f"{look.name}: {what}")
        self.assertLessEqual(value, max(before, after), f"{look.name}: {what}")
        self.equal += before == after
        self.moved += before != after

    def each_cgroup(self):
        for look in self.looks.values():
            for cgroup in look.before.cgroups():
                yield look, cgroup

    def setUp(self):
        self.equal = self.moved = 0

    def tearDown(self):
        if self.equal or self.moved:
            print(f"\n  {self.equal} figures equal to their file, {self.moved} between its two "
                  "readings", flush=True)

    def test_every_figure_is_its_file_and_a_limit_of_max_is_absent(self):
        unlimited = 0
        for look, cgroup in self.each_cgroup():
            for name, family in FIGURES.items():
                self.assertIsNotNone(look.before.of_cgroup(cgroup, name), f"{cgroup}/{name}")
                before, after = (files.number(cgroup, name) for files in (look.before, look.after))
                value = look.metrics.value(family, cgroup=cgroup)
                if before is None:
                    self.assertIsNone(value, f"{look.name}: {cgroup}/{name} is max")
                    unlimited += 1
                else:
                    self.assert_between(look, value, before, after, f"{cgroup}/{name}")
        self.assertGreater(self.equal, 100)
        self.assertGreater(unlimited, 20)

    def test_every_setting_of_the_guest_is_there(self):
        metrics = self.looks["still"].metrics
        self.assertEqual(
            {family: metrics.value(f"memory_cgroup_{family}", cgroup="/work/still") for family in
             ("min_bytes", "low_bytes", "max_bytes", "swap_max_bytes", "swap_high_bytes",
              "oom_group", "high_bytes")},
            {"min_bytes": 4 * MIB, "low_bytes": 8 * MIB, "max_bytes": 64 * MIB,
             "swap_max_bytes": 32 * MIB, "swap_high_bytes": 24 * MIB, "oom_group": 1,
             "high_bytes": None})

    def test_memory_stat_field_by_field(self):
        used = set()
        for look, cgroup in self.each_cgroup():
            before, after = (files.fields(cgroup, "memory.stat")
                             for files in (look.before, look.after))
            for field, family in {**AMOUNTS, **COUNTERS}.items():
                if field not in before:
                    continue
                self.assert_between(look, look.metrics.value(family, cgroup=cgroup), before[field],
                                    after[field], f"{cgroup}/memory.stat {field}")
                if before[field]:
                    used.add(field)
        self.assertEqual({**AMOUNTS, **COUNTERS}.keys() - used - ZERO, set())

    def test_the_root_has_its_own_memory_stat(self):
        look = self.looks["still"]
        before, after = (files.fields("", "memory.stat") for files in (look.before, look.after))
        for field in ("anon", "file", "kernel_stack"):
            value = look.metrics.value(AMOUNTS[field], cgroup="/")
            # The client that scrapes comes and goes.
            self.assertLess(abs(value - before[field]), MIB, f"memory.stat {field}")
            self.assertLess(abs(value - after[field]), MIB, f"memory.stat {field}")
            self.assertGreater(value, 0)

    def test_events_and_local_events(self):
        for look, cgroup in self.each_cgroup():
            for name, family in EVENTS.items():
                before, after = (files.fields(cgroup, name) for files in (look.before, look.after))
                exported = {labels["event"]: value
                            for labels, value in look.metrics.values(family, cgroup=cgroup)}
                self.assertEqual(set(exported), set(before), f"{look.name}: {cgroup}/{name}")
                for event, value in exported.items():
                    self.assert_between(look, value, before[event], after[event],
                                        f"{cgroup}/{name} {event}")

    def test_what_is_charged_is_anonymous_memory_files_and_the_kernels(self):
        # As docs/balance.md has it: but for what the CPU holds in stock, and swapped pages that
        # are in RAM and mapped by nobody.
        stock = 64 * 4096
        for look, cgroup in self.each_cgroup():
            def figure(name):
                return look.metrics.value(f"memory_cgroup_{name}_bytes", cgroup=cgroup)
            rest = figure("current") - sum(figure(f"stat_{name}") for name in
                                           ("anon", "file", "kernel"))
            self.assertGreaterEqual(rest, 0, f"{look.name}: {cgroup}")
            self.assertLessEqual(rest, stock + figure("stat_swapcached"), f"{look.name}: {cgroup}")

    def test_pressure_of_cgroups_and_of_the_machine(self):
        for look, cgroup in self.each_cgroup():
            path = f"/sys/fs/cgroup{cgroup}/memory.pressure"
            for kind, family in PRESSURE.items():
                seconds = look.metrics.value(family, cgroup=cgroup)
                self.assertIsNotNone(seconds, f"{cgroup} {kind}")
                self.assert_between(look, round(seconds * 1e6), look.before.pressure(path, kind),
                                    look.after.pressure(path, kind), f"{cgroup} {kind}")
        for look in self.looks.values():
            for kind, name in (("some", "waiting"), ("full", "stalled")):
                seconds = look.metrics.value(f"memory_pressure_{name}_seconds_total")
                path = "/proc/pressure/memory"
                self.assert_between(look, round(seconds * 1e6), look.before.pressure(path, kind),
                                    look.after.pressure(path, kind), f"{path} {kind}")

    def test_vmstat_field_by_field(self):
        compared = set()
        for look in self.looks.values():
            before, after = ({name: int(value) for name, value in
                              (line.split() for line in files.lines["/proc/vmstat"])}
                             for files in (look.before, look.after))
            for field in before:
                values = [look.metrics.value(f"memory_vmstat_{field}_total"),
                          look.metrics.value(f"memory_vmstat_{field}"),
                          look.metrics.value("memory_vmstat_other_total", field=field),
                          look.metrics.value("memory_vmstat_other", field=field)]
                values = [value for value in values if value is not None]
                self.assertEqual(len(values), 1, f"{look.name}: {field}")
                # Others, free memory above all, move with the client that scrapes.
                if field.startswith(("pgscan", "pgsteal", "allocstall", "oom_kill", "pswp", "zswp",
                                     "workingset_refault")):
                    self.assert_between(look, values[0], before[field], after[field], field)
                    compared.add(field)
        self.assertGreater(len(compared), 15)

    # What happened shows.

    def test_memory_high_slows_down_and_counts(self):
        before, after = self.looks["still"].metrics, self.looks["high"].metrics

        def rise(family, **labels):
            return after.value(family, **labels) - before.value(family, **labels)
        high = {"cgroup": "/work/high"}
        self.assertGreater(rise("memory_cgroup_events_total", event="high", **high), 0)
        self.assertGreater(rise("memory_cgroup_events_total", event="high", cgroup="/work"), 0)
        self.assertEqual(rise("memory_cgroup_events_local_total", event="high", cgroup="/work"), 0)
        self.assertGreater(after.value("memory_cgroup_peak_bytes", **high), 14 * MIB)
        self.assertLess(after.value("memory_cgroup_current_bytes", **high), 24 * MIB)
        # 32 MiB of them were written: the rest is swapped out.
        self.assertGreater(after.value("memory_cgroup_swap_current_bytes", **high), 8 * MIB)
        self.assertGreater(after.value("memory_group_swap_bytes", name="high", cgroup="/work/high"),
                           8 * MIB)
        self.assertGreater(rise("memory_cgroup_pressure_waiting_seconds_total", **high), 0)
        self.assertGreater(rise("memory_cgroup_pressure_waiting_seconds_total", cgroup="/work"), 0)
        self.assertEqual(rise("memory_cgroup_pressure_waiting_seconds_total",
                              cgroup="/work/still"), 0)
        self.assertGreater(rise("memory_pressure_waiting_seconds_total"), 0)
        self.assertGreater(rise("memory_cgroup_stat_pgscan_total", **high), 0)

    def test_an_oom_kill_is_counted_and_outlives_its_cgroup_at_the_parent(self):
        def kills(look, cgroup, family="memory_cgroup_events_total", event="oom_kill"):
            return self.looks[look].metrics.value(family, cgroup=cgroup, event=event)
        local = "memory_cgroup_events_local_total"
        self.assertEqual(kills("high", "/work/oom"), 0)
        self.assertEqual(kills("killed", "/work/oom"), 1)
        self.assertEqual(kills("killed", "/work/oom", local), 1)
        self.assertGreater(kills("killed", "/work/oom", event="max"), 0)
        self.assertEqual(kills("high", "/work"), 0)
        self.assertEqual(kills("killed", "/work"), 1)
        self.assertEqual(kills("killed", "/work", local), 0)
        self.assertIsNone(kills("removed", "/work/oom"))
        self.assertEqual(kills("removed", "/work"), 1)
        self.assertEqual(self.looks["removed"].vmstat("oom_kill"), 1)
        self.assertEqual(self.looks["high"].vmstat("oom_kill"), 0)

    def test_a_machine_short_of_memory_reclaims(self):
        before, after = self.looks["removed"], self.looks["reclaimed"]
        for field in ("pgscan_kswapd", "pgsteal_kswapd", "pgscan_direct", "pgsteal_direct",
                      "pgscan_anon", "pgsteal_anon", "pswpout"):
            self.assertGreater(after.vmstat(field), before.vmstat(field), field)

        def stalls(look):
            return sum(look.vmstat(f"allocstall_{zone}") for zone in
                       ("dma", "dma32", "normal", "movable"))
        self.assertGreater(stalls(after), stalls(before))

    # Processes.

    def processes(self):
        """{pid: its section} of those whose memory stands still."""
        return {int(name.partition("/")[2]): text for name, text in self.parts.items()
                if name.startswith("process/")}

    def test_groups_have_the_pss_of_their_processes_and_the_path_of_the_unified_line(self):
        groups = {}
        for text in self.processes().values():
            cgroup = re.search(r"^0::(.*)$", text, re.MULTILINE)[1]
            name = re.search(r"^Name:\t(.*)$", text, re.MULTILINE)[1]
            sums = groups.setdefault((name, cgroup), {"Pss_Anon": 0, "Pss_File": 0, "Pss_Shmem": 0,
                                                      "processes": 0})
            sums["processes"] += 1
            for field in ("Pss_Anon", "Pss_File", "Pss_Shmem"):
                sums[field] += 1024 * int(re.search(rf"^{field}: +(\d+) kB", text, re.MULTILINE)[1])
        self.assertEqual(set(groups), {(name, cgroup) for name, cgroup in (
            ("population", "/work/still"), ("private", "/work/still"), ("cow", "/work/still"),
            ("shmem", "/work/still"), ("population", "/pod/b"),
            ("pod", "/pod/b"))})
        metrics = self.looks["still"].metrics
        for (name, cgroup), sums in groups.items():
            group = {"name": name, "cgroup": cgroup}
            self.assertEqual(metrics.value("memory_group_processes", **group), sums["processes"])
            for kind in ("anon", "file", "shmem"):
                pss = metrics.value("memory_group_pss_bytes", kind=kind, **group)
                # Each process's figure is cut off at 1 KiB.
                self.assertLessEqual(abs(pss - sums[f"Pss_{kind.title()}"]),
                                     1024 * sums["processes"], f"{group} {kind}")
        private = metrics.value("memory_group_pss_bytes", name="private", kind="anon",
                                cgroup="/work/still")
        self.assertGreater(private, 12 * MIB)
        self.assertLess(private, 13 * MIB)
        self.assertEqual(metrics.value("memory_exporter_collector_success", collector="process"), 1)

    def test_a_cgroup_namespace_changes_no_name(self):
        outside = self.looks["reclaimed"].metrics
        inside = live.Exposition(self.parts["namespace/metrics"])
        names = {labels["cgroup"] for labels, _ in outside.values("memory_group_processes")}
        seen = {labels["cgroup"] for labels, _ in inside.values("memory_group_processes")}
        self.assertIn("/work/still", names)
        self.assertEqual(seen, names | {"/pod/a"})
        self.assertEqual(inside.value("memory_group_processes", name="memory_exporter",
                                      cgroup="/pod/a"), 1)
        self.assertLessEqual(
            {labels["cgroup"] for labels, _ in inside.values("memory_cgroup_current_bytes")},
            {"/work", "/work/still", "/work/high", "/pod", "/pod/a", "/pod/b"})
        self.assertNotIn("namespace", self.parts["namespace/log"])

    def test_without_the_hosts_cgroups_they_keep_the_kernels_names_and_a_warning_says_so(self):
        inside = live.Exposition(self.parts["alone/metrics"])
        seen = {labels["cgroup"] for labels, _ in inside.values("memory_group_processes")}
        self.assertEqual(seen, {"/", "/../b", "/../..", "/../../work/still", "/../../work/high"})
        self.assertIn("own cgroup namespace", self.parts["alone/log"])

    # The text itself.

    def test_no_collector_fails(self):
        for look in self.looks.values():
            failed = [labels["collector"] for labels, value in
                      look.metrics.values("memory_exporter_collector_success") if value != 1]
            self.assertEqual(failed, [], f"{look.name}: {self.parts['log']}")

    def test_the_parts_of_the_balance_add_up(self):
        for look in self.looks.values():
            parts = {labels["part"]: value for labels, value in
                     look.metrics.values("memory_balance_bytes")}
            total = look.metrics.value("memory_meminfo_mem_total_bytes")
            self.assertEqual(sum(parts.values()), total)
            self.assertLess(abs(parts["unaccounted"]), total / 100, f"{look.name}: {parts}")

    def test_promtool_is_silent(self):
        promtool = live.need_command("promtool")
        for look in self.looks.values():
            done = subprocess.run([promtool, "check", "metrics"], input=look.text, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, ""), look.name)


if __name__ == "__main__":
    live.main()
