"""What /proc/PID of one process holds, as a kernel of some age and word size prints it.

The fields, their order and their form are those of fs/proc/array.c, fs/proc/task_mmu.c and
fs/proc/base.c of each version; the comments name where a field came or went. Amounts of mappings are
in pages, so that the same population stands for kernels with pages of another size."""

from dataclasses import dataclass, field


@dataclass
class Kernel:
    version: tuple
    bits: int = 64
    page: int = 4  # KiB
    arch: str = "x86"
    huge: int = 2048  # KiB, the default size of hugetlb pages
    no_rollup: bool = False  # CONFIG_PROC_PAGE_MONITOR without smaps_rollup: vendors' kernels

    def since(self, *version):
        return self.version >= version


@dataclass
class Mapping:
    """`pages` is (count, kind, dirty, mappers) with kind anon, file or shmem; `swapped` is (count,
    users) of anonymous pages, `swapped_shmem` a count; `huge` a count of hugetlb pages."""
    start: int
    size: int  # pages; with `huge` it follows from that
    perms: str
    path: str = ""
    pages: list = field(default_factory=list)
    inode: int = 0
    offset: int = 0
    swapped: tuple = (0, 1)
    swapped_shmem: int = 0
    huge: int = 0
    locked: bool = False

    def kib(self, kernel):
        return self.huge * kernel.huge if self.huge else self.size * kernel.page

    def end(self, kernel):
        return self.start + self.kib(kernel) * 1024


@dataclass
class Process:
    pid: int
    comm: str
    ppid: int
    cgroup: str
    mappings: list
    uid: int = 0
    state: str = "S"
    threads: int = 1
    flags: int = 0x400100
    faults: tuple = (0, 0)
    start: int = 0
    oom_score: int = 0
    stack_limit: str = "8388608"
    address_space_limit: str = "unlimited"


def figures(mapping, kernel):
    """One mapping's lines of smaps, in KiB; the shares as fractions."""
    page = kernel.page
    total = lambda wanted: sum(n for n, kind, dirty, mappers in mapping.pages
                               if wanted(kind, dirty, mappers)) * page
    share = lambda wanted: sum(n / mappers for n, kind, dirty, mappers in mapping.pages
                               if wanted(kind, dirty)) * page
    swapped, users = mapping.swapped
    return {
        "Rss": total(lambda *_: True), "Pss": share(lambda *_: True),
        "Pss_Dirty": share(lambda kind, dirty: dirty),
        "Pss_Anon": share(lambda kind, _: kind == "anon"),
        "Pss_File": share(lambda kind, _: kind == "file"),
        "Pss_Shmem": share(lambda kind, _: kind == "shmem"),
        "Shared_Clean": total(lambda _, dirty, mappers: mappers > 1 and not dirty),
        "Shared_Dirty": total(lambda _, dirty, mappers: mappers > 1 and dirty),
        "Private_Clean": total(lambda _, dirty, mappers: mappers == 1 and not dirty),
        "Private_Dirty": total(lambda _, dirty, mappers: mappers == 1 and dirty),
        "Referenced": total(lambda *_: True),
        "Anonymous": total(lambda kind, *_: kind == "anon"),
        "KSM": 0, "LazyFree": 0, "AnonHugePages": 0, "ShmemPmdMapped": 0, "FilePmdMapped": 0,
        "Shared_Hugetlb": 0, "Private_Hugetlb": mapping.huge * kernel.huge,
        "Swap": (swapped + mapping.swapped_shmem) * page, "SwapPss": swapped / users * page,
        "Locked": share(lambda *_: True) if mapping.locked else 0,
    }


def line(key, kib):
    return f"{key + ':':<16}{int(kib):>8} kB\n"


def memory_keys(kernel, rollup):
    """The keys behind the sizes, in order."""
    since = kernel.since
    yield from ("Rss", "Pss")
    if since(6, 0):
        yield "Pss_Dirty"
    if rollup and since(5, 3):
        yield from ("Pss_Anon", "Pss_File", "Pss_Shmem")
    yield from ("Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced")
    if since(2, 6, 37):
        yield "Anonymous"
    if since(6, 8):
        yield "KSM"
    if since(4, 12):
        yield "LazyFree"
    if since(2, 6, 38):
        yield "AnonHugePages"
    if since(4, 8):
        yield "ShmemPmdMapped"
    if since(5, 4):
        yield "FilePmdMapped"
    if since(4, 4):
        yield from ("Shared_Hugetlb", "Private_Hugetlb")
    yield "Swap"
    if since(4, 3):
        yield "SwapPss"


def vm_flags(mapping):
    codes = {"r": "rd", "w": "wr", "x": "ex"}
    flags = [codes[c] for c in mapping.perms[:3] if c in codes]
    flags += ["sh"] if mapping.perms[3] == "s" and "w" in mapping.perms else []
    flags += ["mr", "mw", "me"] + (["ms"] if mapping.perms[3] == "s" else [])
    flags += ["gd"] if mapping.path == "[stack]" else []
    flags += ["lo"] if mapping.locked else []
    flags += ["ht"] if mapping.huge else []
    return " ".join(flags)


def header(mapping, kernel):
    """A line of maps. The path begins in a column that follows from the size of a pointer."""
    text = (f"{mapping.start:08x}-{mapping.end(kernel):08x} {mapping.perms} {mapping.offset:08x} "
            f"{'fe:00' if mapping.inode else '00:00'} {mapping.inode} ")
    column = 25 + kernel.bits // 8 * 6 - 1
    return (text.ljust(column) + mapping.path if mapping.path else text) + "\n"


def entry(mapping, kernel):
    """An entry of smaps."""
    since, found = kernel.since, figures(mapping, kernel)
    page = mapping.huge and kernel.huge or kernel.page
    sizes = line("KernelPageSize", page) + line("MMUPageSize", page)
    text = header(mapping, kernel) + line("Size", mapping.kib(kernel))
    text += sizes if since(4, 19) else ""
    text += "".join(line(key, found[key]) for key in memory_keys(kernel, rollup=False))
    text += "" if since(4, 19) else sizes
    if since(2, 6, 39):
        text += line("Locked", found["Locked"])
    if since(5, 0):
        text += "THPeligible:           0\n" if since(6, 6) else "THPeligible:\t0\n"
    if kernel.arch == "x86" and kernel.bits == 64 and since(4, 9):
        text += "ProtectionKey:         0\n"
    if since(3, 8):
        text += f"VmFlags: {vm_flags(mapping)} \n"
    return text


def gate(kernel):
    """The page that the kernel prints behind the mappings of every process."""
    if kernel.arch == "x86" and kernel.bits == 64:
        return Mapping(0xffffffffff600000, 1, "r-xp" if kernel.version < (5, 3) else "--xp",
                       "[vsyscall]")
    if kernel.arch == "arm" and kernel.bits == 32:
        return Mapping(0xffff0000, 1, "r-xp", "[vectors]")
    return None


def with_gate(process, kernel):
    last = gate(kernel)
    return process.mappings + ([last] if last else [])


def rollup(process, kernel):
    sums = {}
    for mapping in process.mappings:
        for key, kib in figures(mapping, kernel).items():
            sums[key] = sums.get(key, 0) + kib
    first, last = process.mappings[0].start, process.mappings[-1].end(kernel)
    text = f"{first:08x}-{last:08x} ---p 00000000 00:00 0 ".ljust(
        25 + kernel.bits // 8 * 6 - 1) + "[rollup]\n"
    keys = list(memory_keys(kernel, rollup=True)) + ["Locked"]
    return text + "".join(line(key, sums[key]) for key in keys)


def stat(process, kernel):
    kib = sum(mapping.kib(kernel) for mapping in process.mappings)
    rss = sum(n for mapping in process.mappings for n, *_ in mapping.pages)
    first = process.mappings[0].start if process.mappings else 0
    stack = process.mappings[-1].end(kernel) - 64 if process.mappings else 0
    limit = 2 ** kernel.bits - 1
    minor, major = process.faults
    threads = 0 if process.state == "X" else process.threads
    fields = [process.pid, f"({process.comm})", process.state, process.ppid, process.pid,
              process.pid, 0, -1, process.flags, minor, 0, major, 0, 12, 34, 0, 0, 20, 0, threads,
              0, process.start, kib * 1024, rss, limit, first, first + 4096 if first else 0, stack,
              0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0]  # 44: 2.6.32
    if kernel.since(3, 3):
        fields += [0, 0, 0]
    if kernel.since(3, 5):
        fields += [0, 0, 0, 0, 0]
    return " ".join(map(str, fields)) + "\n"


def status(process, kernel):
    since, page = kernel.since, kernel.page
    states = {"S": "S (sleeping)", "Z": "Z (zombie)", "R": "R (running)",
              "I": "I (idle)"}
    escaped = process.comm.replace("\\", "\\\\").replace("\n", "\\n")
    text = f"Name:\t{escaped}\n"
    text += "Umask:\t0022\n" if since(4, 7) else ""
    text += f"State:\t{states[process.state]}\nTgid:\t{process.pid}\n"
    text += "Ngid:\t0\n" if since(3, 13) else ""
    text += f"Pid:\t{process.pid}\nPPid:\t{process.ppid}\nTracerPid:\t0\n"
    ids = "\t".join([str(process.uid)] * 4)
    text += f"Uid:\t{ids}\nGid:\t{ids}\nFDSize:\t64\nGroups:\t{process.uid} \n"
    if since(4, 1):
        text += "".join(f"{key}:\t{process.pid}\n" for key in ("NStgid", "NSpid", "NSpgid", "NSsid"))
    if since(6, 8):
        text += f"Kthread:\t{int(bool(process.flags & 0x200000))}\n"
    if process.mappings:
        text += memory_of_status(process, kernel)
        text += "CoreDumping:\t0\n" if since(4, 15) else ""
        text += "THP_enabled:\t1\n" if since(5, 0) else ""
        text += "untag_mask:\t0xffffffffffffffff\n" if since(6, 4) and kernel.bits == 64 else ""
    text += (f"Threads:\t{process.threads}\nSigQ:\t0/7861\nSigPnd:\t{0:016x}\nShdPnd:\t{0:016x}\n"
             f"SigBlk:\t{0:016x}\nSigIgn:\t{0:016x}\nSigCgt:\t{0:016x}\nCapInh:\t{0:016x}\n"
             f"CapPrm:\t{0:016x}\nCapEff:\t{0:016x}\nCapBnd:\t{0:016x}\n")
    text += f"CapAmb:\t{0:016x}\n" if since(4, 3) else ""
    text += "NoNewPrivs:\t0\n" if since(4, 10) else ""
    text += "Seccomp:\t0\n" if since(3, 8) else ""
    text += "Seccomp_filters:\t0\n" if since(5, 9) else ""
    text += "Speculation_Store_Bypass:\tvulnerable\n" if since(4, 17) else ""
    text += "SpeculationIndirectBranch:\talways enabled\n" if since(5, 16) else ""
    text += "Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\nMems_allowed:\t1\nMems_allowed_list:\t0\n"
    text += "voluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t7\n"
    if kernel.version[:3] == (2, 6, 32) and process.mappings:
        text += f"Stack usage:\t{page} kB\n"
    if since(6, 6) and kernel.arch == "x86" and kernel.bits == 64:
        text += "x86_Thread_features:\t\nx86_Thread_features_locked:\t\n"
    return text


def memory_of_status(process, kernel):
    since, page = kernel.since, kernel.page
    number = lambda key, kib: f"{key}:\t{int(kib):>8} kB\n"
    of_kind = lambda wanted: sum(n for mapping in process.mappings
                                 for n, kind, *_ in mapping.pages if kind == wanted) * page
    size = sum(mapping.kib(kernel) for mapping in process.mappings)
    sized = lambda wanted: sum(m.kib(kernel) for m in process.mappings if wanted(m))
    anon, file, shmem = (of_kind(kind) for kind in ("anon", "file", "shmem"))
    program = process.mappings[0].path
    is_text = lambda m: "x" in m.perms and m.path.startswith("/")
    locked = sized(lambda m: m.locked)
    text = number("VmPeak", size + 4 * page) + number("VmSize", size) + number("VmLck", locked)
    text += number("VmPin", 0) if since(3, 2) else ""
    text += number("VmHWM", anon + file + shmem + page) + number("VmRSS", anon + file + shmem)
    if since(4, 5):
        text += number("RssAnon", anon) + number("RssFile", file) + number("RssShmem", shmem)
    text += number("VmData", sized(lambda m: "w" in m.perms and m.perms[3] == "p"
                                   and m.path != "[stack]"))
    text += number("VmStk", sized(lambda m: m.path == "[stack]"))
    text += number("VmExe", sized(lambda m: is_text(m) and m.path == program))
    text += number("VmLib", sized(lambda m: is_text(m) and m.path != program))
    has_pmd_line = since(4, 0) and not since(4, 15)
    text += number("VmPTE", (12 if has_pmd_line else 15) * page)
    text += number("VmPMD", 3 * page) if has_pmd_line else ""
    if since(2, 6, 34):
        text += number("VmSwap", sum(m.swapped[0] for m in process.mappings) * page)
    if since(4, 4):
        text += number("HugetlbPages", sum(m.huge for m in process.mappings) * kernel.huge)
    return text


def limits(process):
    rows = [("Max cpu time", "unlimited", "unlimited", "seconds"),
            ("Max file size", "unlimited", "unlimited", "bytes"),
            ("Max data size", "unlimited", "unlimited", "bytes"),
            ("Max stack size", process.stack_limit, "unlimited", "bytes"),
            ("Max core file size", "0", "unlimited", "bytes"),
            ("Max resident set", "unlimited", "unlimited", "bytes"),
            ("Max processes", "7861", "7861", "processes"),
            ("Max open files", "1024", "4096", "files"),
            ("Max locked memory", "65536", "65536", "bytes"),
            ("Max address space", process.address_space_limit, "unlimited", "bytes"),
            ("Max file locks", "unlimited", "unlimited", "locks"),
            ("Max pending signals", "7861", "7861", "signals"),
            ("Max msgqueue size", "819200", "819200", "bytes"),
            ("Max nice priority", "0", "0", ""), ("Max realtime priority", "0", "0", ""),
            ("Max realtime timeout", "unlimited", "unlimited", "us")]
    text = f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"
    return text + "".join(f"{name:<25} {soft:<20} {hard:<20} {unit:<10}\n"
                          for name, soft, hard, unit in rows)


def files(process, kernel, cgroup_text):
    """path below /proc/PID -> text."""
    out = {"stat": stat(process, kernel), "status": status(process, kernel),
           "cgroup": cgroup_text, "oom_score": f"{process.oom_score}\n", "limits": limits(process)}
    maps = process.mappings and with_gate(process, kernel)
    out["maps"] = "".join(header(mapping, kernel) for mapping in maps)
    out["smaps"] = "".join(entry(mapping, kernel) for mapping in maps)
    if kernel.since(4, 14) and not kernel.no_rollup:
        # A process without memory answers with ESRCH, as a file that is not there is read; before
        # 4.19 with an empty text.
        if process.mappings:
            out["smaps_rollup"] = rollup(process, kernel)
        elif not kernel.since(4, 19):
            out["smaps_rollup"] = ""
    return out
