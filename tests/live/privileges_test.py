"""What the exporter can and cannot say with which privileges: the runs behind docs/privileges.md."""

import os
import shutil
import subprocess
import tempfile
import unittest

import live

NOBODY = 65534
SAMPLED = ("memory_group_pss_bytes", "memory_group_uss_bytes", "memory_group_swap_pss_bytes",
           "memory_group_swap_shmem_bytes", "memory_group_hugetlb_bytes",
           "memory_group_pss_age_seconds")
POPULATION = ("private:3:4:guarded", "shmem:2:4:guarded_shm")


def as_nobody(*capabilities):
    """The command line's front that makes the rest run as nobody with these capabilities alone, the
    way a service manager does it: ambient, so that they outlast exec."""
    granted = "".join(f",+{capability}" for capability in capabilities)
    front = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
             f"--inh-caps=-all{granted}", f"--ambient-caps=-all{granted}",
             f"--bounding-set=-all{granted}", "--no-new-privs"]
    done = subprocess.run([*front, "true"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise unittest.SkipTest(f"cannot drop to {capabilities}: {done.stderr.strip()}")
    return front


def figures_of(metrics, name):
    """The samples of a group, as live.read_processes() names them."""
    figures = {}
    for family in metrics.families:
        for labels, value in metrics.values(family, name=name):
            figures[family, labels.get("kind", "")] = value
    return figures


class PrivilegesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        live.need_root()
        live.need_command("setpriv")
        # Copies where nobody may look, wherever this is built.
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        os.chmod(folder, 0o755)
        cls.binary = shutil.copy(live.DAEMON, folder)
        cls.population_binary = shutil.copy(live.POPULATION, folder)
        cls.population = cls.enterClassContext(live.Population(*POPULATION))

    def daemon(self, *flags, wrapper):
        return live.Daemon(*flags, wrapper=wrapper, binary=self.binary)

    def check_measured(self, daemon):
        """The population is there to the byte, asked again where its PSS moved meanwhile."""
        for _ in range(15):
            truth = {name: live.read_processes(self.population.pids(name))
                     for name in self.population.names()}
            metrics = daemon.settled_metrics()
            found = {name: figures_of(metrics, name) for name in self.population.names()}
            found = {name: {key: found[name].get(key) for key in truth[name]} for name in truth}
            if found == truth:
                break
        self.assertEqual(found, truth)
        for name in self.population.names():
            for reason in ("pending", "denied", "stale", "stuck"):
                self.assertEqual(metrics.value("memory_group_unmeasured_resident_bytes",
                                               name=name, reason=reason), 0)

    def check_denied(self, metrics):
        for name in self.population.names():
            truth = live.read_processes(self.population.pids(name))
            for family in SAMPLED:
                self.assertEqual(metrics.values(family, name=name), [], f"{family} of {name}")
            for kind in ("anon", "file", "shmem"):
                self.assertEqual(metrics.value("memory_group_resident_bytes", name=name, kind=kind),
                                 truth["memory_group_resident_bytes", kind])
            resident = sum(truth["memory_group_resident_bytes", kind]
                           for kind in ("anon", "file", "shmem"))
            unmeasured = {reason: metrics.value("memory_group_unmeasured_resident_bytes",
                                                name=name, reason=reason)
                          for reason in ("pending", "denied", "stale", "stuck")}
            self.assertEqual(unmeasured,
                             {"pending": 0, "denied": resident, "stale": 0, "stuck": 0})
        self.assertGreaterEqual(metrics.value("memory_exporter_processes", state="denied"),
                                len(self.population.processes))
        self.assertGreaterEqual(
            metrics.value("memory_exporter_read_errors_total", file="smaps_rollup", reason="denied"),
            len(self.population.processes))

    def test_without_capabilities_other_users_pss_is_absent_and_counted_as_denied(self):
        with self.daemon(wrapper=as_nobody()) as daemon:
            self.check_denied(daemon.settled_metrics())

    def test_without_capabilities_processes_of_the_same_user_are_measured(self):
        with live.Population("private:2:4:own", wrapper=as_nobody(),
                             binary=self.population_binary) as own, \
                self.daemon(wrapper=as_nobody()) as daemon:
            metrics = daemon.settled_metrics()
            self.assertGreater(metrics.value("memory_group_uss_bytes", name="own"), 8 << 20)
            self.assertEqual(metrics.value("memory_group_processes", name="own"), len(own.pids()))

    def test_cap_sys_ptrace_alone_measures_everything(self):
        with self.daemon(wrapper=as_nobody("sys_ptrace")) as daemon:
            self.check_measured(daemon)

    def test_cap_dac_read_search_alone_measures_nothing(self):
        with self.daemon(wrapper=as_nobody("dac_read_search")) as daemon:
            self.check_denied(daemon.settled_metrics())

    def test_system_collectors_need_no_privileges(self):
        with self.daemon(wrapper=as_nobody()) as daemon:
            metrics = daemon.metrics()
            successes = {labels["collector"]: value for labels, value
                         in metrics.values("memory_exporter_collector_success")}
            self.assertEqual(set(successes.values()), {1.0}, successes)
            self.assertIsNotNone(metrics.value("memory_meminfo_mem_total_bytes"))


class FilesTest(unittest.TestCase):
    """The table of docs/privileges.md, on this kernel."""

    OPEN = {"stat", "status", "cgroup", "limits", "oom_score", "comm", "cmdline"}
    PTRACE = {"smaps_rollup", "smaps", "maps", "numa_maps"}
    CAPABILITY = {"ksm_stat"}
    BOTH = {"pagemap"}

    @classmethod
    def setUpClass(cls):
        live.need_root()
        live.need_command("setpriv")
        cls.population = cls.enterClassContext(live.Population("private:1:1:target"))

    def readable(self, *capabilities):
        pid = self.population.pids()[0]
        wanted = self.OPEN | self.PTRACE | self.CAPABILITY | self.BOTH
        there = [name for name in sorted(wanted) if os.path.exists(f"/proc/{pid}/{name}")]
        script = 'for name; do head -c 8 "/proc/$0/$name" >/dev/null 2>&1 && echo "$name"; done'
        done = subprocess.run([*as_nobody(*capabilities), "sh", "-c", script, str(pid), *there],
                              stdout=subprocess.PIPE, text=True, check=False)
        return set(done.stdout.split()), set(there)

    def test_without_capabilities(self):
        readable, there = self.readable()
        self.assertEqual(readable, self.OPEN & there)

    def test_cap_sys_ptrace(self):
        readable, there = self.readable("sys_ptrace")
        self.assertEqual(readable, (self.OPEN | self.PTRACE) & there)

    def test_cap_dac_read_search(self):
        readable, there = self.readable("dac_read_search")
        self.assertEqual(readable, (self.OPEN | self.CAPABILITY) & there)

    def test_both(self):
        readable, there = self.readable("sys_ptrace", "dac_read_search")
        self.assertEqual(readable, there)


class HidepidTest(unittest.TestCase):
    """/proc mounted so that other users' processes are closed or hidden, in a mount namespace."""

    @classmethod
    def setUpClass(cls):
        live.need_root()
        live.need_command("setpriv")
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp"))
        os.chmod(folder, 0o755)
        cls.binary = shutil.copy(live.DAEMON, folder)
        cls.population = cls.enterClassContext(live.Population(*POPULATION))

    def daemon(self, option, *capabilities):
        mounted = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                   'mount -t proc -o "$0" proc /proc && exec "$@"', option]
        if subprocess.run([*mounted, "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest(f"no /proc with {option} here")
        return live.Daemon(wrapper=[*mounted, *as_nobody(*capabilities)], binary=self.binary)

    def test_closed_processes_are_counted_as_denied(self):
        with self.daemon("hidepid=1") as daemon:
            metrics = daemon.settled_metrics()
            self.assertEqual(metrics.values("memory_group_processes", name="guarded"), [])
            self.assertGreaterEqual(metrics.value("memory_exporter_processes", state="denied"),
                                    len(self.population.processes))
            self.assertNotIn("hidepid", daemon.log)

    def test_hidden_processes_give_one_warning_and_no_count(self):
        with self.daemon("hidepid=2") as daemon:
            metrics = daemon.settled_metrics()
            self.assertEqual(metrics.values("memory_group_processes", name="guarded"), [])
            self.assertIsNone(metrics.value("memory_exporter_processes", state="denied"))
            self.assertEqual(metrics.value("memory_exporter_processes", state="measured"), 1)
            daemon.metrics()
            warnings = [line for line in daemon.log.splitlines() if "hidepid" in line]
            self.assertEqual(len(warnings), 1, daemon.log)
            self.assertIn("CAP_SYS_PTRACE", warnings[0])

    def test_cap_sys_ptrace_sees_through_hidepid(self):
        with self.daemon("hidepid=2", "sys_ptrace") as daemon:
            metrics = daemon.settled_metrics()
            self.assertEqual(metrics.value("memory_group_processes", name="guarded"), 3)
            self.assertGreater(metrics.value("memory_group_uss_bytes", name="guarded"), 12 << 20)


if __name__ == "__main__":
    live.main()
