#!/usr/bin/env python3
"""Holds every #include of the sources against the layers they belong to.

    layers.py ROOT      prints each violation as file:line: reason, and fails when there is one

What is checked:
  - a layer includes its own headers and those of lower layers, never a higher one's;
  - a layer includes the third-party headers its row below names, and no other;
  - headers do not include each other in a circle;
  - no <regex> anywhere (unbounded recursion, slow), no <iostream> outside main (static
    initialisation, slow).
A header this table does not know is a violation: whoever brings in a library says so here.
"""

import collections
import pathlib
import re
import sys

# Lowest first, rooms of a layer too. A file belongs to the one with the longest matching folder.
Layer = collections.namedtuple("Layer", "folder libraries")
LAYERS = [
    Layer("collectors/base", ["re2/"]),
    Layer("collectors/procfs", []),
    Layer("collectors/process/facts", []),
    Layer("collectors/process/table", []),
    Layer("collectors/process/grouping", []),
    Layer("collectors/process/sampling", []),
    Layer("collectors/process", []),
    Layer("collectors", []),
    Layer("config", ["yaml-cpp/"]),
    Layer(
        "daemon",
        [
            "civetweb.h",
            "CivetServer.h",
            "prometheus/",
            "CLI/",
            "spdlog/",
            "fmt/",
            "libdeflate.h",
            "systemd/",
            "crypt.h",
            "cap-ng.h",
        ],
    ),
]

STANDARD = set(
    """
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono
    cinttypes climits clocale cmath codecvt compare complex concepts condition_variable coroutine
    csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque
    exception execution filesystem forward_list fstream functional future initializer_list iomanip
    ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex
    new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore
    set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string
    string_view syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
    unordered_set utility valarray variant vector version
    """.split()
)

# POSIX, and what Linux and glibc add to it.
SYSTEM = re.compile(
    r"(sys|linux|netinet|arpa|net)/[a-z0-9_]+\.h"
    r"|(dirent|dlfcn|errno|fcntl|fnmatch|glob|grp|ifaddrs|limits|malloc|netdb|poll|pthread|pwd"
    r"|sched|signal|stdlib|string|strings|syslog|termios|time|ucontext|unistd)\.h"
)

FORBIDDEN = {
    "regex": lambda path: True,
    "iostream": lambda path: path != "daemon/main.cc",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)', re.MULTILINE)


def layer_of(path):
    """The index of a path's layer, or None."""
    best = None
    for index, layer in enumerate(LAYERS):
        if path.startswith(layer.folder + "/"):
            if best is None or len(layer.folder) > len(LAYERS[best].folder):
                best = index
    return best


def includes_of(text):
    """(line, header, quoted) of each #include."""
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield line, match.group(1) or match.group(2), match.group(1) is not None


def complaint(path, header, quoted, exists):
    """What is wrong with one #include, or None."""
    layer = LAYERS[layer_of(path)]
    if header in FORBIDDEN and FORBIDDEN[header](path):
        return f"<{header}> is not used here"
    if quoted:
        target = layer_of(header)
        if target is None or not exists(header):
            return f'"{header}" is no header of a layer (name it from the top of the tree)'
        if target > layer_of(path):
            return f'layer {layer.folder} may not include "{header}" of the higher layer {LAYERS[target].folder}'
        return None
    if header in STANDARD or SYSTEM.fullmatch(header):
        return None
    if any(header == name or (name.endswith("/") and header.startswith(name)) for name in layer.libraries):
        return None
    return f"layer {layer.folder} may not include <{header}>"


def circle(graph):
    """The headers of one circle of includes, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node) :] + [node]
        if node in done:
            return None
        path.append(node)
        for successor in graph.get(node, []):
            found = visit(successor)
            if found:
                return found
        path.pop()
        done.add(node)
        return None

    for node in sorted(graph):
        found = visit(node)
        if found:
            return found
    return None


def violations(root):
    """Every violation under root, each as one line of text."""
    root = pathlib.Path(root)
    files = {}
    for folder in sorted({layer.folder.split("/")[0] for layer in LAYERS}):
        for suffix in ("*.h", "*.cc"):
            for file in sorted((root / folder).rglob(suffix)):
                files[file.relative_to(root).as_posix()] = file.read_text()
    if not files:
        return [f"{root}: no sources found"]

    def exists(header):
        """In the tree, or made from a template (X.h.in) when the build is configured."""
        return header in files or (root / (header + ".in")).is_file()

    found, graph = [], {}
    for path, text in files.items():
        for line, header, quoted in includes_of(text):
            problem = complaint(path, header, quoted, exists)
            if problem:
                found.append(f"{path}:{line}: {problem}")
            if quoted:
                graph.setdefault(path, []).append(header)
    ring = circle(graph)
    if ring:
        found.append("headers include each other in a circle: " + " -> ".join(ring))
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: layers.py ROOT")
    found = violations(sys.argv[1])
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
