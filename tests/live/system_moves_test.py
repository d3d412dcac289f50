"""Every figure of the machine is moved and seen to move: swap, zram, zswap, KSM, huge pages, NUMA,
overcommit, pressure, vmstat, cgroup v1. The tests are in the modules moving_*, and all settings are
put back. At the end each metric that this machine exports has changed, or is in STILL with the
reason why nobody here can change it. cgroup v2 and a machine that runs out of memory are in
cgroup_v2_test.py."""

import re
import unittest

import live
import moving
import moving_cgroup_v1
import moving_pages
import moving_reclaim
import moving_swap

MODULES = (moving_reclaim, moving_swap, moving_pages, moving_cgroup_v1)

# What has one value for as long as it is there: it comes and goes.
COMES_AND_GOES = {
    "swap_device_size_bytes", "swap_device_priority", "swap_zram_size_bytes",
    "swap_zram_limit_bytes", "cgroup_soft_limit_bytes",
}
# What nobody moves here, by a pattern of the metric's name, and why.
STILL = {
    r"vmstat_(allocstall|pgscan_direct|pgsteal_direct|pgscan_kswapd|pgsteal_kswapd)\w*":
        "all of the machine's memory would have to be in use: see cgroup_v2_test.py",
    r"vmstat_pgs\w+_khugepaged|vmstat_thp_collapse_alloc_failed":
        "likewise, or in too small pieces for a huge page",
    r"vmstat_thp_zero_page\w*": "the huge zero page is made once and kept",
    r"vmstat_thp_split_pud": "needs a mapping of 1 GiB pages by a device",
    r"vmstat_thp_split_page_failed|vmstat_thp_swpout\w*|vmstat_thp_migration\w*":
        "whether a huge page is split or moved whole is the kernel's choice",
    r"vmstat_workingset_restore\w*": "needs pages that have been active for long",
    r"vmstat_workingset_nodereclaim": "when the kernel forgets what it has evicted is its choice",
    r"numa_(miss|foreign|other_node)": "needs two nodes",
    r"numa_interleave_hit": "needs a memory policy",
    r"numa_(secondary_page_tables|nfs_unstable|bounce|writeback_tmp|balloon|unaccepted)\w*":
        "needs a device or a file system that machines mostly have not",
    r"numa_(high|low|gpu|shadow)\w*|numa_mem_total\w*|hugepages_thp_size_bytes":
        "the machine's make",
    r"numa_file_(huge_pages|pmd_mapped)\w*": "needs CONFIG_READ_ONLY_THP_FOR_FS",
    r"(numa|cgroup_stat_file)_writeback_bytes": "for moments only, while the disk is written to",
    r"swap_zswap_rejects": "since 6.18 zswap takes what does not compress",
    r"cgroup_swap_events": "of cgroup v1, 6.18 counts the failures of memory alone",
}


class EveryFigure(unittest.TestCase):
    maxDiff = None

    def test_has_moved(self):
        if moving.NOT_RUN:
            self.skipTest(f"not all of the machine could be moved: {sorted(moving.NOT_RUN)}")
        families = {name.removeprefix("memory_") for name in moving.HISTORY.families()}
        unmoved = {name for name in families - COMES_AND_GOES
                   if not moving.HISTORY.has_changed(f"memory_{name}")}
        explained = {name for name in unmoved for pattern in STILL
                     if re.fullmatch(f"({pattern})(_total)?", name)}
        print(f"\n  {len(families) - len(unmoved)} of {len(families)} metrics moved, not "
              f"{', '.join(sorted(unmoved))}", flush=True)
        self.assertEqual(sorted(unmoved - explained), [])
        self.assertEqual([name for name in sorted(COMES_AND_GOES & families)
                          if not moving.HISTORY.has_come_or_gone(f"memory_{name}")], [])


def load_tests(loader, _tests, _pattern):
    """Those of all modules, and then what comes of them."""
    suites = [loader.loadTestsFromModule(module) for module in MODULES]
    return unittest.TestSuite([*suites, loader.loadTestsFromTestCase(EveryFigure)])


if __name__ == "__main__":
    live.main()
