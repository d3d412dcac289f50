"""What a daemon keeps of the capabilities that it was started with, read back from /proc for each of
its threads, and that it still sees with them what it saw with all."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import live

NOBODY = 65534
NUMBERS = {"dac_read_search": 2, "net_bind_service": 10, "sys_ptrace": 19, "sys_admin": 21,
           "perfmon": 38}
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
ONLY_MEMINFO = ("--collector.disable-defaults", "--collector.meminfo")


def sets_of(status):
    found = dict(re.findall(r"^(Cap\w+|NoNewPrivs):\s*(\w+)$", status, re.M))
    return {name: int(value, 16) for name, value in found.items()}


def held():
    with open("/proc/self/status", encoding="ascii") as file:
        return sets_of(file.read())["CapPrm"]


def of(*names):
    return sum(1 << NUMBERS[name] for name in names)


def as_nobody(*capabilities):
    granted = "".join(f",+{capability}" for capability in capabilities)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
            f"--inh-caps=-all{granted}", f"--ambient-caps=-all{granted}",
            f"--bounding-set=-all{granted}"]


@unittest.skipIf(os.path.basename(live.BUILD) == "tsan",
                 "the sanitizer has a thread of its own before the program begins")
class CapabilitiesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        live.need_root()
        live.need_command("setpriv")
        needed = of("dac_read_search", "net_bind_service", "sys_ptrace", "sys_admin") | 1 << 8
        if needed & ~held():
            raise unittest.SkipTest("root here lacks what is to be kept or dropped")
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        os.chmod(cls.folder, 0o755)
        cls.binary = shutil.copy(live.DAEMON, cls.folder)
        cls.population_binary = shutil.copy(live.POPULATION, cls.folder)

    def daemon(self, *flags, wrapper=()):
        return live.Daemon(*flags, wrapper=wrapper, binary=self.binary)

    def population(self, *groups):
        """Of another user than the daemon's, and with less than root's capabilities."""
        return live.Population(*groups, wrapper=as_nobody(), binary=self.population_binary)

    def check_sets(self, daemon, kept, bounding=0):
        """Every thread, those that a scrape started as well."""
        daemon.metrics()
        wanted = {"CapInh": 0, "CapPrm": kept, "CapEff": kept, "CapBnd": bounding, "CapAmb": 0,
                  "NoNewPrivs": 1}
        threads = 0
        for thread in os.listdir(f"/proc/{daemon.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
                    open(f"/proc/{daemon.pid}/task/{thread}/status", encoding="ascii") as file:
                found = sets_of(file.read())
                self.assertEqual({name: hex(value) for name, value in found.items()},
                                 {name: hex(value) for name, value in wanted.items()})
                threads += 1
        self.assertGreater(threads, 10)
        self.assertNotIn("could not be dropped", daemon.log)

    def reload(self, daemon, text, expected):
        with open(os.path.join(self.folder, "config.yml"), "w", encoding="utf-8") as file:
            file.write(text)
        before = daemon.log.count(expected)
        os.kill(daemon.pid, signal.SIGHUP)
        live.wait_until(lambda: daemon.log.count(expected) > before, 20, expected)

    def config(self, text):
        path = os.path.join(self.folder, "config.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return f"--config.file={path}"

    # What is kept.

    def test_root_keeps_what_the_defaults_need(self):
        with self.daemon() as daemon:
            self.check_sets(daemon, of("sys_ptrace", "dac_read_search", "sys_admin"))
            self.assertEqual(len(re.findall('msg="capabilities kept"', daemon.log)), 1)

    def test_without_the_pagemap_tier_sys_admin_is_not_kept(self):
        with self.daemon("--pss.tier=rollup") as daemon:
            self.check_sets(daemon, of("sys_ptrace", "dac_read_search"))
            self.assertEqual(daemon.metrics().value("memory_exporter_pss_tier", tier="rollup"), 1)

    def test_exact_mode_walks_nothing_through_pagemap(self):
        with self.daemon("--pss.mode=exact") as daemon:
            self.check_sets(daemon, of("sys_ptrace", "dac_read_search"))

    def test_without_cgroups_and_pagemap_sys_ptrace_is_enough(self):
        flags = ("--pss.tier=rollup", "--no-collector.cgroup", self.config("group_by: [name]\n"))
        with self.daemon(*flags) as daemon:
            self.check_sets(daemon, of("sys_ptrace"))

    def test_collectors_of_the_system_need_none(self):
        with self.daemon(*ONLY_MEMINFO) as daemon:
            self.check_sets(daemon, 0)
            self.assertIsNotNone(daemon.metrics().value("memory_meminfo_mem_total_bytes"))

    def test_a_configuration_file_of_another_user_can_still_be_reloaded(self):
        flag = self.config("collectors: {meminfo: true}\n")
        path = flag.partition("=")[2]
        os.chown(path, NOBODY, NOBODY)
        os.chmod(path, 0o600)
        self.addCleanup(os.unlink, path)
        with self.daemon("--collector.disable-defaults", flag) as daemon:
            self.check_sets(daemon, of("dac_read_search"))
            os.kill(daemon.pid, signal.SIGHUP)
            live.wait_until(lambda: "configuration read" in daemon.log, 20, "a reload")

    def test_nobody_has_nothing_to_drop(self):
        with self.daemon(wrapper=as_nobody()) as daemon:
            self.check_sets(daemon, 0)

    def test_ambient_capabilities_go_no_further_than_this_process(self):
        with self.daemon(wrapper=as_nobody("sys_ptrace")) as daemon:
            self.check_sets(daemon, of("sys_ptrace"), bounding=of("sys_ptrace"))

    def test_perfmon_stands_in_for_sys_ptrace(self):
        if not held() >> NUMBERS["perfmon"] & 1:
            self.skipTest("root here lacks CAP_PERFMON")
        for given, kept in ((("perfmon",), "perfmon"), (("perfmon", "sys_ptrace"), "sys_ptrace")):
            with self.daemon(wrapper=as_nobody(*given)) as daemon:
                self.check_sets(daemon, of(kept), bounding=of(*given))

    def test_a_container_s_reduced_set_keeps_its_part(self):
        wrapper = ["setpriv", "--bounding-set=-all,+chown,+setuid,+setpcap,+sys_ptrace"]
        with self.daemon(wrapper=wrapper) as daemon:
            self.check_sets(daemon, of("sys_ptrace"))

    # What is seen with it.

    def test_a_port_below_1024_can_be_listened_on(self):
        for port in range(1023, 600, -1):
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                break
        with self.daemon(*ONLY_MEMINFO, f"--web.listen-address=127.0.0.1:{port}") as daemon:
            self.assertEqual(live.http_get(port, "/-/healthy").status, 200)
            with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
                low = port < int(file.read())
            self.check_sets(daemon, of("net_bind_service") if low else 0)

    def giant(self, *wrapper):
        """How another user's process of 160 MiB is seen by a daemon to which that is much."""
        with self.population("private:1:160:giant") as population, \
                self.daemon("--pss.stall-limit=1ms", "--collector.process_details",
                            wrapper=wrapper) as daemon:
            pids = population.pids()
            live.wait_until(lambda: daemon.metrics().values("memory_group_uss_bytes", name="giant"),
                            60, "the giant is measured")
            metrics = daemon.settled_metrics()
            truth = live.read_processes(pids)
            self.assertEqual(metrics.value("memory_group_uss_bytes", name="giant"),
                             truth["memory_group_uss_bytes", ""])
            return metrics

    def test_giants_of_other_users_are_read_through_pagemap(self):
        metrics = self.giant()
        if metrics.value("memory_exporter_pss_tier", tier="pagemap") != 1:
            self.skipTest("this kernel has no pagemap tier")
        # pagemap does not tell clean from dirty; the rollup does.
        self.assertEqual(metrics.values("memory_group_pss_dirty_bytes", name="giant"), [])
        self.assertNotEqual(
            self.giant("setpriv", "--bounding-set=-dac_read_search,-dac_override")
            .values("memory_group_pss_dirty_bytes", name="giant"), [])

    def test_all_that_root_can_measure_is_measured(self):
        unreadable = set()
        with self.population("private:3:4:others", "shmem:2:4:others_shm") as population, \
                self.daemon("--no-collector.cgroup") as daemon:
            metrics = daemon.settled_metrics()
            for pid in live.living_pids():
                try:
                    with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                        file.read()
                except PermissionError:
                    unreadable.add(pid)
                except OSError:
                    pass
            self.assertEqual(metrics.value("memory_exporter_processes", state="denied"),
                             len(unreadable))
            for name in population.names():
                for reason in ("pending", "denied", "stale", "stuck"):
                    self.assertEqual(metrics.value("memory_group_unmeasured_resident_bytes",
                                                   name=name, reason=reason), 0)

    def test_a_cgroup_that_its_owner_closed_is_seen(self):
        root = next((path for path in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")
                     if os.path.exists(f"{path}/cgroup.procs")), None)
        if root is None:
            self.skipTest("no tree of memory cgroups")
        outer = f"{root}/memory_exporter_closed.{os.getpid()}"
        inner = f"{outer}/inner"
        try:
            os.mkdir(outer)
            self.addCleanup(os.rmdir, outer)
            os.mkdir(inner)
            self.addCleanup(os.rmdir, inner)
        except OSError as refused:
            self.skipTest(f"no cgroup can be made: {refused}")
        os.chown(outer, NOBODY, NOBODY)
        os.chmod(outer, 0o700)
        cgroup = inner.removeprefix(root)

        def is_seen(*wrapper):
            with self.daemon("--collector.disable-defaults", "--collector.cgroup",
                             wrapper=wrapper) as daemon:
                return any(labels.get("cgroup") == cgroup
                           for labels, _ in daemon.metrics().values("memory_cgroup_current_bytes"))
        self.assertTrue(is_seen())
        self.assertFalse(is_seen("setpriv", "--bounding-set=-dac_read_search,-dac_override"))

    # Reloads.

    def test_a_reload_that_needs_what_was_dropped_is_refused(self):
        start = "collectors: {meminfo: true}\n"
        with self.daemon("--collector.disable-defaults", self.config(start)) as daemon:
            before = sorted(daemon.metrics().families)
            for wanted, key, capability in (
                    ("process: true, meminfo: false", "collectors.process", "CAP_SYS_PTRACE"),
                    ("cgroup: true", "collectors.cgroup", "CAP_DAC_READ_SEARCH")):
                self.reload(daemon, f"collectors: {{{wanted}}}\n",
                            f"{key} needs {capability}, which was dropped at the start: restart")
                metrics = daemon.metrics()
                self.assertEqual(sorted(metrics.families), before)
                self.assertEqual(
                    metrics.value("memory_exporter_config_last_reload_successful"), 0)
            self.reload(daemon, "collectors: {meminfo: true, vmstat: true}\n",
                        "configuration read")
            self.assertIsNotNone(daemon.metrics().value("memory_vmstat_pgfault_total"))
            self.check_sets(daemon, 0)

    def test_a_reload_that_turns_the_pagemap_tier_on_is_refused(self):
        with self.daemon(self.config("pss: {tier: rollup}\n")) as daemon:
            self.reload(daemon, "pss: {tier: pagemap}\n",
                        "pss.tier: pagemap needs CAP_SYS_ADMIN, which was dropped at the start: "
                        "restart")

    def test_what_was_never_there_keeps_no_reload_from_anything(self):
        start = "collectors: {meminfo: true}\n"
        with self.daemon("--collector.disable-defaults", self.config(start),
                         wrapper=as_nobody()) as daemon:
            self.reload(daemon, "collectors: {process: true, cgroup: true}\n",
                        "configuration read")

    # What does not serve.

    def test_once_and_the_check_of_a_configuration_work_as_root_and_as_nobody(self):
        flag = self.config("max_groups: 7\n")
        for wrapper in ([], as_nobody()):
            for arguments in (["--once"], [flag, "--config.check"]):
                done = subprocess.run([*wrapper, self.binary, *arguments], capture_output=True,
                                      text=True, timeout=120, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout)
                self.assertNotIn("capabilities", done.stderr)


if __name__ == "__main__":
    live.main()
