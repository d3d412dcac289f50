"""Mappings: what an address space is made of."""

import os
import shutil
import subprocess
import tempfile

from experiments import KIB, MIB, PAGES_SLACK, Experiment, live, main, program


class Row07ThreeMappings(Experiment):
    size = 4 * MIB

    def test_neighbours_are_one_and_a_hole_makes_two(self):
        exporter = self.start_exporter("--collector.mappings", "--collector.process_details")
        running = self.start("three_mappings")
        seen = {}
        for step in ("start", "mapped", "unmapped"):
            running.reach(step)
            group = self.look(exporter, running)
            seen[step] = (group.region("anon", "mappings"), group.region("anon", "virtual_bytes"),
                          group.segment("data"))

        def change(step, since):
            return tuple(now - then for now, then in zip(seen[step], seen[since]))
        self.assertEqual(change("mapped", "start"), (1, 3 * self.size, 3 * self.size))
        self.assertEqual(change("unmapped", "mapped"), (1, -self.size, -self.size))
        self.saw(**{f"{name}_{step}": value for step, figures in seen.items()
                    for name, value in zip(("mappings", "anon", "data"), figures)})


def pmap(pid):
    """The rows of `pmap -X`: [{column: text or bytes}], and the row of its totals."""
    live.need_command("pmap")
    lines = subprocess.run(["pmap", "-X", str(pid)], capture_output=True, text=True, check=True,
                           env=dict(os.environ, LC_ALL="C")).stdout.splitlines()
    columns = lines[1].split()
    first = columns.index("Size")
    rows = []
    for line in lines[2:]:
        if "====" in line:
            break
        cells = line.split(maxsplit=len(columns) - 1)
        row = dict(zip(columns[:first], cells))
        row.update((name, int(cell) * KIB if cell.isdigit() else cell)
                   for name, cell in zip(columns[first:], cells[first:]))
        rows.append(row)
    totals = [int(cell) * KIB for cell in lines[-1].split()[:-1]]
    return rows, dict(zip(columns[first:], totals))


class RegionsOf:
    """The regions of a program without threads, told from pmap's rows by their names and places."""

    NAMES = {"[heap]": "heap", "[stack]": "stack", "[vdso]": "vdso", "[vsyscall]": "vsyscall"}

    def __init__(self, name):
        self.name, self.below = name, None

    def next(self, row):
        mapping, mode = row.get("Mapping", ""), row["Perm"]
        if mapping in self.NAMES:
            region = self.NAMES[mapping]
        elif mapping.startswith("[vvar"):
            region = "vvar"
        elif mapping == self.name:
            region = "text" if "x" in mode else "data" if "w" in mode else "rodata"
        elif mapping:
            region = "lib_text" if "x" in mode else "lib_data"
        elif self.below in ("data", "lib_data") and self.end == int(row["Address"], 16):
            region = self.below  # its bss
        else:
            region = "anon"
        self.below, self.end = region, int(row["Address"], 16) + row["Size"]
        return region


class Row22Segments(Experiment):
    def check(self, name, expected):
        exporter = self.start_exporter("--collector.mappings")
        running = self.start(name)
        running.reach("hello")
        # The PSS of what it shares with the whole machine moves with the machine; pmap, which maps
        # the C library too, is no witness for it.
        for _ in range(20):
            rows, totals = pmap(running.pid)
            pss = live.read_keyed(f"/proc/{running.pid}/smaps_rollup")["Pss"]
            group = self.look(exporter, running)
            if live.read_keyed(f"/proc/{running.pid}/smaps_rollup")["Pss"] == pss:
                break
        sizes, counts = {}, {}
        classify = RegionsOf(name)
        for row in rows:
            region = classify.next(row)
            sizes[region] = sizes.get(region, 0) + row["Size"]
            counts[region] = counts.get(region, 0) + 1
        self.assertLessEqual(expected, set(sizes))
        self.assertEqual(group.regions("virtual_bytes"), sizes)
        self.assertEqual(group.regions("mappings"), counts)
        self.assertEqual(sum(group.regions("virtual_bytes").values()), totals["Size"])
        self.assertEqual(sum(group.regions("resident_bytes").values()), totals["Rss"])
        # The kernel cuts up to 1 KiB off each mapping's.
        self.assertClose(sum(group.regions("pss_bytes").values()), pss, len(rows) * KIB)
        # [vsyscall] is printed, and is no part of the process's address space.
        self.assertEqual(sum(size for region, size in sizes.items() if region != "vsyscall"),
                         group.value("virtual_bytes"))
        self.saw(**sizes, total=totals["Size"])

    everywhere = {"text", "rodata", "data", "stack", "vdso", "vvar"}

    def test_position_independent(self):
        self.check("hello", self.everywhere | {"heap", "lib_text", "lib_data"})

    def test_at_a_fixed_address(self):
        self.check("hello_no_pie", self.everywhere | {"heap", "lib_text", "lib_data"})

    def test_static_and_without_libc(self):
        self.check("hello_without_libc", self.everywhere)


class Row23ReplacedLibrary(Experiment):
    def test_a_library_that_is_gone_from_disk_is_seen(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        library = os.path.join(folder, "library.so")
        shutil.copy(program("library.so"), library)
        exporter = self.start_exporter("--collector.mappings")
        running = self.start("library_host", library)
        running.reach("loaded")
        before = self.look(exporter, running)
        shutil.copy(library, library + ".new")
        os.rename(library + ".new", library)  # as a package manager does
        after = self.look(exporter, running)
        gone = 0
        with open(f"/proc/{running.pid}/maps", encoding="utf-8") as file:
            for line in file:
                if line.rstrip().endswith("library.so (deleted)"):
                    start, end = line.split()[0].split("-")
                    gone += int(end, 16) - int(start, 16)
        self.assertGreater(gone, 512 * KIB)
        self.assertEqual(before.value("deleted_file_bytes"), 0)
        self.assertEqual(after.value("deleted_file_bytes"), gone)
        self.saw(before=before.value("deleted_file_bytes"), after=after.value("deleted_file_bytes"))


class Row24JustInTime(Experiment):
    def test_memory_that_can_be_written_and_run_is_seen(self):
        exporter = self.start_exporter("--collector.mappings")
        running = self.start("just_in_time")
        seen = {}
        for step in ("start", "mapped", "sealed"):
            running.reach(step)
            seen[step] = self.look(exporter, running).value("writable_executable_bytes")
        self.assertEqual(seen, {"start": 0, "mapped": 2 * MIB, "sealed": 0})
        self.saw(**seen)


if __name__ == "__main__":
    main()
