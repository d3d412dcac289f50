"""Every figure of the system against Debian's prometheus-node-exporter, field by field. Both read a
machine that moves, so node_exporter is asked between two scrapes: its figure must lie between
theirs, in one of the rounds for each field."""

import math
import re
import subprocess
import unittest

import live
import machine

# The kernel's fields whose metric is not named by the rule of snake_case().
MEMINFO = {
    "SReclaimable": "slab_reclaimable", "SUnreclaim": "slab_unreclaimable",
    "KReclaimable": "kernel_reclaimable", "SecPageTables": "secondary_page_tables",
    "NFS_Unstable": "nfs_unstable", "Committed_AS": "committed_as",
}
KSM = {"full_scans_total", "merge_across_nodes", "pages_shared", "pages_sharing", "pages_to_scan",
       "pages_unshared", "pages_volatile", "sleep_seconds"}
NUMASTAT = {"numa_hit": "hit", "numa_miss": "miss", "numa_foreign": "foreign",
            "interleave_hit": "interleave_hit", "local_node": "local_node",
            "other_node": "other_node"}
ROUNDS = 30


def snake_case(field):
    if field in MEMINFO:
        return MEMINFO[field]
    field = field.replace("(", "_").replace(")", "")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower()


def node_fields(text):
    """node_exporter's samples: {(name, label value or ""): number}."""
    fields = {}
    for line in text.splitlines():
        match = re.fullmatch(r'(node_\w+)(?:\{\w+="([^"]*)"\})? (\S+)', line)
        if match:
            fields[match[1], match[2] or ""] = float(match[3])
    return fields


def counterpart(name, label):
    """Our family and labels for one of node_exporter's; nothing where it is none of ours."""
    if name.startswith("node_memory_numa_"):
        field = name.removeprefix("node_memory_numa_")
        if field.removesuffix("_total") in NUMASTAT:
            return f"memory_numa_{NUMASTAT[field.removesuffix('_total')]}_total", {"numa_node": label}
        if field.startswith("HugePages_"):
            return None  # ours come by size, from another file
        field = field.removesuffix("_bytes")
        return f"memory_numa_{snake_case(field)}_bytes", {"numa_node": label}
    if name.startswith("node_memory_"):
        field = name.removeprefix("node_memory_").removesuffix("_bytes")
        if field.startswith("HugePages_"):
            state = {"Total": "total", "Free": "free", "Rsvd": "reserved", "Surp": "surplus"}
            size = machine.meminfo()["Hugepagesize"] // 1024
            return "memory_hugepages_pool_pages", {"size": f"{size}kB", "state": state[field[10:]]}
        if field.startswith("DirectMap"):
            return "memory_meminfo_direct_map_bytes", {"size": field[9:]}
        return f"memory_meminfo_{snake_case(field)}_bytes", {}
    if name.startswith("node_vmstat_"):
        return f"memory_vmstat_{name.removeprefix('node_vmstat_')}_total", {}
    if name.startswith("node_pressure_memory_"):
        return f"memory_pressure_{name.removeprefix('node_pressure_memory_')}", {}
    if name.startswith("node_ksmd_"):
        field = name.removeprefix("node_ksmd_")
        return (f"memory_ksm_{field}", {}) if field in KSM else None
    return None


def between(value, first, last):
    """Whether it lies between the two, or is one of them: node_exporter's microseconds in seconds
    are off by the last bit, for it multiplies by 1e-6."""
    return (min(first, last) <= value <= max(first, last) or
            math.isclose(value, first, rel_tol=1e-15) or math.isclose(value, last, rel_tol=1e-15))


class NodeExporter(unittest.TestCase):
    def test_says_the_same_of_every_field_that_both_have(self):
        command = live.need_command("prometheus-node-exporter")
        port = live.free_port()
        wanted = ("meminfo", "meminfo_numa", "vmstat", "pressure", "ksmd")
        node = subprocess.Popen(
            [command, f"--web.listen-address=127.0.0.1:{port}", "--collector.disable-defaults",
             *(f"--collector.{name}" for name in wanted)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.compare(port)
        finally:
            node.terminate()
            node.wait(timeout=20)

    def compare(self, port):
        def answers():
            try:
                return live.http_get(port, "/metrics").status == 200
            except OSError:
                return False
        live.wait_until(answers, 20, "node_exporter answers")
        ours = ("meminfo", "numa", "vmstat", "pressure", "ksm", "hugepages")
        flags = [f"--collector.{name}" for name in ours]
        compared, unequal, missing = set(), {}, set()
        with live.Daemon("--collector.disable-defaults", *flags,
                         # its default fields that are not among ours
                         "--collector.vmstat.fields=^pg(pg|mig)|^pgpromote") as daemon:
            for _ in range(ROUNDS):
                before = daemon.metrics()
                theirs = node_fields(live.http_get(port, "/metrics").text)
                after = daemon.metrics()
                for (name, label), value in theirs.items():
                    found = counterpart(name, label)
                    if not found or (name, label) in compared:
                        continue
                    low, high = self.ours(before, *found), self.ours(after, *found)
                    if low is None or high is None:
                        missing.add((name, label))
                    elif between(value, low, high):
                        compared.add((name, label))
                        unequal.pop((name, label), None)
                    else:
                        unequal[name, label] = (low, value, high)
                if not unequal:
                    break
        print(f"\n  {len(compared)} fields alike", flush=True)
        self.assertFalse(missing, "node_exporter has them and we do not")
        self.assertFalse(unequal, "(ours before, node_exporter's, ours after)")
        self.assertGreater(len(compared), 90)

    @staticmethod
    def ours(metrics, family, labels):
        value = metrics.value(family, **labels)
        if value is None and family.startswith("memory_vmstat_"):
            field = family.removeprefix("memory_vmstat_").removesuffix("_total")
            value = metrics.value("memory_vmstat_other_total", field=field)
        return value


if __name__ == "__main__":
    live.main()
