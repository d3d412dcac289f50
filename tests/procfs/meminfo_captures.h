#pragma once

/// /proc/meminfo as kernels print it. Reconstructed ones have the fields, order and padding of
/// that version's fs/proc/meminfo.c and hugetlb_report_meminfo, with made-up amounts.
namespace memory_exporter::testdata {

/// 4.14, x86-64: reconstructed from fs/proc/meminfo.c.
inline constexpr char meminfo_4_14[] = R"(MemTotal:        8070232 kB
MemFree:          898586 kB
MemAvailable:    4516910 kB
Buffers:           93487 kB
Cached:          3034817 kB
SwapCached:         3527 kB
Active:          2246692 kB
Inactive:        1948370 kB
Active(anon):     966556 kB
Inactive(anon):   138590 kB
Active(file):    1280136 kB
Inactive(file):  1809780 kB
Unevictable:         392 kB
Mlocked:             392 kB
SwapTotal:       2097148 kB
SwapFree:        2079981 kB
Dirty:              1536 kB
Writeback:             0 kB
AnonPages:       1067514 kB
Mapped:           214017 kB
Shmem:             38388 kB
Slab:             337202 kB
SReclaimable:     244541 kB
SUnreclaim:        92661 kB
KernelStack:       10656 kB
PageTables:        28468 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:     6132264 kB
Committed_AS:    5820661 kB
VmallocTotal:   34359738367 kB
VmallocUsed:           0 kB
VmallocChunk:          0 kB
HardwareCorrupted:     0 kB
AnonHugePages:    122880 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
DirectMap4k:      306352 kB
DirectMap2M:     4034560 kB
DirectMap1G:     3670016 kB
)";

/// 4.19, 32-bit ARM with highmem and CMA: reconstructed.
inline constexpr char meminfo_4_19_highmem[] = R"(MemTotal:        2057308 kB
MemFree:          245054 kB
MemAvailable:    1148746 kB
Buffers:           24559 kB
Cached:           818161 kB
SwapCached:         7245 kB
Active:           549464 kB
Inactive:         551057 kB
Active(anon):     229383 kB
Inactive(anon):    38260 kB
Active(file):     320081 kB
Inactive(file):   512797 kB
Unevictable:          84 kB
Mlocked:              84 kB
HighTotal:       1277308 kB
HighFree:           1471 kB
LowTotal:         780000 kB
LowFree:            2446 kB
SwapTotal:       2097148 kB
SwapFree:        2061246 kB
Dirty:                40 kB
Writeback:             0 kB
AnonPages:        260901 kB
Mapped:            65723 kB
Shmem:              9842 kB
Slab:              90463 kB
SReclaimable:      65803 kB
SUnreclaim:        24660 kB
KernelStack:        7600 kB
PageTables:        34824 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:     3125802 kB
Committed_AS:    1872803 kB
VmallocTotal:     245760 kB
VmallocUsed:           0 kB
VmallocChunk:          0 kB
Percpu:             6612 kB
CmaTotal:          65536 kB
CmaFree:           47755 kB
)";

/// 5.10, x86-64 with CMA and a hugetlb pool in use: reconstructed.
inline constexpr char meminfo_5_10[] = R"(MemTotal:       16314088 kB
MemFree:         2032440 kB
MemAvailable:    8661116 kB
Buffers:          170066 kB
Cached:          5978925 kB
SwapCached:         6751 kB
Active:          4198650 kB
Inactive:        4017838 kB
Active(anon):    1832576 kB
Inactive(anon):   305180 kB
Active(file):    2366074 kB
Inactive(file):  3712658 kB
Unevictable:         656 kB
Mlocked:             656 kB
SwapTotal:       2097148 kB
SwapFree:        2020282 kB
Dirty:               136 kB
Writeback:             0 kB
AnonPages:       2068493 kB
Mapped:           533244 kB
Shmem:             70259 kB
KReclaimable:     451933 kB
Slab:             646099 kB
SReclaimable:     451589 kB
SUnreclaim:       194510 kB
KernelStack:        8240 kB
PageTables:        21832 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    10254192 kB
Committed_AS:   14249844 kB
VmallocTotal:   34359738367 kB
VmallocUsed:       21641 kB
VmallocChunk:          0 kB
Percpu:            11840 kB
HardwareCorrupted:     0 kB
AnonHugePages:     18432 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:     14336 kB
FilePmdMapped:     14336 kB
CmaTotal:          65536 kB
CmaFree:           37461 kB
HugePages_Total:      16
HugePages_Free:       12
HugePages_Rsvd:        2
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:           32768 kB
DirectMap4k:      788528 kB
DirectMap2M:     8156160 kB
DirectMap1G:     7864320 kB
)";

/// 6.6, x86-64: reconstructed.
inline constexpr char meminfo_6_6[] = R"(MemTotal:       32778216 kB
MemFree:         4006840 kB
MemAvailable:   17432343 kB
Buffers:          339112 kB
Cached:         11896015 kB
SwapCached:         5885 kB
Active:          9356386 kB
Inactive:        7420895 kB
Active(anon):    4077859 kB
Inactive(anon):   613430 kB
Active(file):    5278527 kB
Inactive(file):  6807465 kB
Unevictable:         156 kB
Mlocked:             156 kB
SwapTotal:       2097148 kB
SwapFree:        2062816 kB
Zswap:                 0 kB
Zswapped:              0 kB
Dirty:              1432 kB
Writeback:             0 kB
AnonPages:       4544554 kB
Mapped:          1069219 kB
Shmem:            149135 kB
KReclaimable:    1045885 kB
Slab:            1454022 kB
SReclaimable:    1045777 kB
SUnreclaim:       408245 kB
KernelStack:       11168 kB
PageTables:        21260 kB
SecPageTables:       188 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    18486256 kB
Committed_AS:   25625860 kB
VmallocTotal:   34359738367 kB
VmallocUsed:       37971 kB
VmallocChunk:          0 kB
Percpu:             9856 kB
HardwareCorrupted:     0 kB
AnonHugePages:     86016 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:     10240 kB
FilePmdMapped:     10240 kB
Unaccepted:            0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:               0 kB
DirectMap4k:     1333872 kB
DirectMap2M:    16388096 kB
DirectMap1G:    16252928 kB
)";

/// 6.18, x86-64, two CPUs, no swap: captured.
inline constexpr char meminfo_6_18[] = R"(MemTotal:       24684092 kB
MemFree:        22943728 kB
MemAvailable:   23701276 kB
Buffers:           17748 kB
Cached:           912244 kB
SwapCached:            0 kB
Active:           420476 kB
Inactive:         992696 kB
Active(anon):       1620 kB
Inactive(anon):   490576 kB
Active(file):     418856 kB
Inactive(file):   502120 kB
Unevictable:       18024 kB
Mlocked:           16964 kB
SwapTotal:             0 kB
SwapFree:              0 kB
Zswap:                 0 kB
Zswapped:              0 kB
Dirty:             14036 kB
Writeback:             0 kB
AnonPages:        501316 kB
Mapped:            52284 kB
Shmem:              8872 kB
KReclaimable:      95692 kB
Slab:             121848 kB
SReclaimable:      95692 kB
SUnreclaim:        26156 kB
KernelStack:        1884 kB
PageTables:         4232 kB
SecPageTables:         0 kB
NFS_Unstable:          0 kB
Bounce:                0 kB
WritebackTmp:          0 kB
CommitLimit:    12342044 kB
Committed_AS:     585116 kB
VmallocTotal:   34359738367 kB
VmallocUsed:       14668 kB
VmallocChunk:          0 kB
Percpu:              688 kB
AnonHugePages:         0 kB
ShmemHugePages:        0 kB
ShmemPmdMapped:        0 kB
FileHugePages:         0 kB
FilePmdMapped:         0 kB
Balloon:               0 kB
HugePages_Total:       0
HugePages_Free:        0
HugePages_Rsvd:        0
HugePages_Surp:        0
Hugepagesize:       2048 kB
Hugetlb:               0 kB
DirectMap4k:       30720 kB
DirectMap2M:     2066432 kB
DirectMap1G:    25165824 kB
)";

}  // namespace memory_exporter::testdata
