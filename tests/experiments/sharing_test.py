"""Pages in more than one process: RSS counts them again and again, PSS divides them, USS leaves
them out."""

import os
import shutil
import tempfile

from experiments import (KIB, MIB, PAGE, PAGES_SLACK, RESIDENT_SLACK, Experiment, Program, live, main,
                         program)

# What a process has beside what its program takes: stack, data and libraries.
OVERHEAD = 512 * KIB


def file_mappings(pid, path):
    """(resident, PSS) of the file's own pages in its mappings, from smaps: what the process has
    written there is its own copy, anonymous and in no other process."""
    figures = {"Rss": 0, "Pss": 0, "Anonymous": 0}
    ours = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            first = line.split(maxsplit=1)[0]
            if not first.endswith(":"):
                ours = line.rstrip("\n").endswith(path)
            elif ours and first[:-1] in figures:
                figures[first[:-1]] += int(line.split()[1]) * KIB
    return figures["Rss"] - figures["Anonymous"], figures["Pss"] - figures["Anonymous"]


class TwoOfOneProgram(Experiment):
    """Two processes of a copy of a program that nobody else runs, and that has no libraries: the
    pages of those are shared with whatever else the machine runs. The exporter samples as it does
    by default, but neither age makes it look again nor a budget stops it: only that a neighbour
    came or went counts."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        self.path = os.path.join(folder, "own")
        shutil.copy(program("hello_static"), self.path)
        with open(self.path, "rb+") as file:
            os.fsync(file.fileno())  # pages that are not yet on the disk would count as dirty
        self.exporter = self.start_exporter(
            "--collector.process_details", "--pss.max-age=1h",
            "--pss.stall-budget=1", "--pss.cpu-budget=1", "--pss.burst=10s", "--pss.wait=10s",
            mode="budgeted")

    def start_one(self):
        """One that has come to rest."""
        running = self.enterContext(Program(self.path))
        running.reach("hello")

        def rests():
            with open(f"/proc/{running.pid}/wchan", encoding="ascii") as file:
                return "pipe_read" in file.read()
        live.wait_until(rests, 20, "it waits for its standard input")
        return running


class Row11SharedText(TwoOfOneProgram):
    def test_pss_is_halved_when_a_second_process_starts_and_whole_again_when_it_ends(self):
        first = self.start_one()
        own, _ = file_mappings(first.pid, self.path)
        self.assertGreater(own, 4 * PAGES_SLACK)
        alone = self.look(self.exporter, first)
        second = self.start_one()
        together, other = self.look(self.exporter, first, second)
        shared, proportional = file_mappings(first.pid, self.path)
        self.assertClose(proportional, shared / 2, PAGE)
        second.kill()
        alone_again = self.look(self.exporter, first)

        pss = [group.pss("file") for group in (alone, together, other, alone_again)]
        self.assertClose(pss[0] - pss[1], own / 2, PAGES_SLACK)
        self.assertClose(pss[3] - pss[1], own / 2, PAGES_SLACK)
        self.assertClose(pss[2], pss[1], PAGES_SLACK)
        self.assertEqual(alone.resident("file"), together.resident("file"))
        self.saw(own=own, rss=alone.resident("file"), pss_alone=pss[0], pss_together=pss[1],
                 pss_alone_again=pss[3])

    def test_the_same_in_the_region_of_the_text_alone(self):
        exporter = self.start_exporter("--collector.mappings")

        def look(running):
            group = self.look(exporter, running)
            return group.region("text", "resident_bytes"), group.region("text", "pss_bytes")
        first = self.start_one()
        alone = look(first)
        second = self.start_one()
        together = look(first)
        second.kill()
        self.assertGreater(alone[0], 0)
        self.assertEqual(alone[1], alone[0])
        self.assertEqual(together, (alone[0], alone[0] / 2))
        self.assertEqual(look(first), alone)
        self.saw(text_rss=alone[0], text_pss_alone=alone[1], text_pss_together=together[1])


class Row12UniqueSetSize(TwoOfOneProgram):
    def test_uss_leaves_the_text_out_while_two_share_it(self):
        first = self.start_one()
        own, _ = file_mappings(first.pid, self.path)
        alone = self.look(self.exporter, first)
        second = self.start_one()
        together = self.look(self.exporter, first)
        second.kill()
        alone_again = self.look(self.exporter, first)
        uss = [group.value("uss_bytes") for group in (alone, together, alone_again)]
        clean = [group.value("private_bytes", state="clean") for group in (alone, together)]
        # All that is private and clean is the file's own pages, but for those that it has written.
        self.assertLessEqual(clean[1], PAGES_SLACK)
        self.assertClose(uss[0] - uss[1], clean[0] - clean[1], PAGES_SLACK)
        self.assertGreater(uss[0] - uss[1], own / 2)
        self.assertEqual(uss[2], uss[0])
        self.saw(own=own, uss_alone=uss[0], uss_together=uss[1], uss_alone_again=uss[2])

    def test_pss_adds_up_to_no_more_than_what_is_in_use(self):
        exporter = self.start_exporter()
        now = self.look(exporter)
        pss = now.sum("memory_group_pss_bytes")
        in_use = (now.value("memory_meminfo_mem_total_bytes") -
                  now.value("memory_meminfo_mem_free_bytes"))
        rss = now.sum("memory_group_resident_bytes")
        self.assertLessEqual(pss, in_use)
        self.assertLess(pss, rss)
        self.saw(pss=pss, rss=rss, in_use=in_use)


class Row13CopyOnWrite(Experiment):
    size = 100 * MIB

    def test_fork_shares_and_writing_parts(self):
        exporter = self.start_exporter("--collector.process_details")
        child_name = f"child.{os.getpid()}"
        parent = self.start("copy_on_write", child_name)
        parent.reach("filled")
        alone = self.look(exporter, parent)
        self.assertClose(alone.pss("anon"), self.size, OVERHEAD)
        parent.reach()
        before = self.look(exporter, parent, child_name)
        for group in before:
            self.assertClose(group.pss("anon"), self.size / 2, OVERHEAD, group.name)
            self.assertClose(group.value("shared_bytes", state="dirty"), self.size, OVERHEAD)
            self.assertLess(group.value("uss_bytes"), OVERHEAD, group.name)
            self.assertClose(group.resident("anon"), self.size, RESIDENT_SLACK + OVERHEAD)
        parent.reach("overwritten")
        after = self.look(exporter, parent, child_name)
        for group in after:
            self.assertClose(group.value("uss_bytes"), self.size, OVERHEAD, group.name)
            self.assertClose(group.pss("anon"), self.size, OVERHEAD, group.name)
            self.assertLess(group.value("shared_bytes", state="dirty"), OVERHEAD, group.name)
        self.saw(pss_parent=before[0].pss("anon"), pss_child=before[1].pss("anon"),
                 shared_dirty=before[0].value("shared_bytes", state="dirty"),
                 uss_parent=after[0].value("uss_bytes"), uss_child=after[1].value("uss_bytes"))


class Row14PosixSharedMemory(Experiment):
    size = 64 * MIB

    def test_two_processes_have_it_whole_in_rss_and_half_in_pss(self):
        exporter = self.start_exporter()
        child_name = f"child.{os.getpid()}"
        # Others use shared memory too, so the machine's figure is looked at more than once.
        for _ in range(5):
            parent = self.start("shared_memory", child_name)
            parent.reach("start")
            shmem_before = self.look(exporter).value("memory_meminfo_shmem_bytes")
            parent.reach("written")
            alone = self.look(exporter, parent)
            moved = alone.exposition.value("memory_meminfo_shmem_bytes") - shmem_before
            parent.reach("shared")
            both = self.look(exporter, parent, child_name)
            parent.end()
            if abs(moved - self.size) <= MIB:
                break
        self.assertClose(moved, self.size, MIB)
        self.assertClose(alone.pss("shmem"), self.size, PAGES_SLACK)
        self.assertClose(alone.resident("shmem"), self.size, RESIDENT_SLACK)
        for group in both:
            self.assertClose(group.pss("shmem"), self.size / 2, PAGES_SLACK, group.name)
            self.assertClose(group.resident("shmem"), self.size, RESIDENT_SLACK, group.name)
        self.saw(rss=both[0].resident("shmem"), pss_alone=alone.pss("shmem"),
                 pss_parent=both[0].pss("shmem"), pss_child=both[1].pss("shmem"), shmem=moved)


class Row15MappedFile(Experiment):
    size = 64 * MIB

    def test_a_file_is_of_kind_file_first_clean_then_dirty(self):
        file = self.enterContext(tempfile.NamedTemporaryFile(dir="/var/tmp"))
        for _ in range(self.size // MIB):
            file.write(bytes(MIB))
        file.flush()
        os.fsync(file.fileno())  # the page cache is clean
        exporter = self.start_exporter("--collector.process_details")
        program = self.start("mapped_file", file.name)
        seen = {}
        for step in ("start", "read", "written"):
            program.reach(step)
            seen[step] = self.look(exporter, program)
        start = seen["start"]
        for step in ("read", "written"):
            group = seen[step]
            self.assertClose(group.pss("file") - start.pss("file"), self.size, OVERHEAD, step)
            self.assertClose(group.resident("file") - start.resident("file"), self.size,
                             RESIDENT_SLACK + OVERHEAD, step)
            self.assertClose(group.pss("anon"), start.pss("anon"), PAGES_SLACK, step)
        clean = {step: group.value("private_bytes", state="clean") for step, group in seen.items()}
        dirty = {step: group.value("private_bytes", state="dirty") for step, group in seen.items()}
        self.assertClose(clean["read"] - clean["start"], self.size, OVERHEAD)
        self.assertClose(dirty["read"], dirty["start"], PAGES_SLACK)
        self.assertClose(dirty["written"] - dirty["start"], self.size, OVERHEAD)
        self.assertClose(clean["written"], clean["start"], OVERHEAD)
        self.saw(clean_read=clean["read"], dirty_read=dirty["read"],
                 clean_written=clean["written"], dirty_written=dirty["written"])


if __name__ == "__main__":
    main()
