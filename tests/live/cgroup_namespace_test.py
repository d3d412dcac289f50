"""The label `cgroup` is the path in the mounted tree, wherever the exporter runs: in a cgroup
namespace of its own, as container runtimes make one, the kernel writes other cgroups relative to
it."""

import os
import tempfile
import unittest

import live
import machine

FLAGS = ("--once", "--collector.disable-defaults", "--collector.process", "--pss.mode=off")


class CgroupNamespace(unittest.TestCase):
    def setUp(self):
        live.need_root()
        self.cgroup = self.enterContext(machine.MemoryCgroup("namespace"))
        self.folders = [os.path.join(self.cgroup.folder, name) for name in ("inside", "beside")]
        for folder in self.folders:
            os.mkdir(folder)
            self.addCleanup(os.rmdir, folder)
        beside = machine.Hog(self.folders[1])
        self.addCleanup(beside.__exit__)

    def cgroups(self, *flags, wrapper):
        code, text, errors = live.run_daemon(*FLAGS, *flags, wrapper=wrapper)
        self.assertEqual(code, 0, errors)
        labels = {labels["cgroup"]: labels["name"] for labels, _ in
                  live.Exposition(text).values("memory_group_processes")}
        return labels, errors

    def inside(self, *command):
        """Runs in the cgroup "inside", in its own cgroup namespace."""
        enter = f'echo 0 >"{self.folders[0]}/cgroup.procs"; exec "$@"'
        return ("sh", "-c", enter, "sh", "unshare", "--cgroup", *command)

    def test_changes_no_name(self):
        outside, _ = self.cgroups(wrapper=())
        within, errors = self.cgroups(wrapper=self.inside())
        path = self.cgroup.path
        self.assertIn(f"{path}/beside", outside)
        self.assertEqual(set(within), set(outside) | {f"{path}/inside"})
        self.assertEqual(within[f"{path}/inside"], "memory_exporter")
        self.assertNotIn("cgroup", errors)

    def test_alone_keeps_the_kernels_names_and_says_so(self):
        empty = self.enterContext(tempfile.TemporaryDirectory())
        within, errors = self.cgroups(f"--path.sysfs={empty}", f"--path.rootfs={empty}",
                                      wrapper=self.inside())
        self.assertEqual(within["/"], "memory_exporter")
        self.assertIn("/../beside", within)
        self.assertIn("level=warn msg=\"cgroups outside the exporter's own cgroup", errors)


if __name__ == "__main__":
    live.main()
