"""What the drivers in this folder have in common beyond the live tests' module: commands that must
succeed, Debian roots, containers, rendered manifests. Standard library only."""

import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))
import live  # noqa: E402  the path comes first

PROJECT = pathlib.Path(live.SOURCE)
BUILD = pathlib.Path(live.BUILD)
RULES = PROJECT / "deploy" / "prometheus" / "memory_exporter.rules.yml"


def skip(reason):
    raise unittest.SkipTest(reason)


def run(*command, **options):
    """Runs to the end; a failure shows what the command printed."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="memory_exporter.") as path:
        yield pathlib.Path(path)


def once(work):
    """Does the work for the first caller; all get what came of it, be it an error."""
    outcome = []

    @functools.wraps(work)
    def result():
        if not outcome:
            try:
                outcome.append((work(), None))
            except Exception as error:  # whatever it is, it is what every caller must see
                outcome.append((None, error))
        value, error = outcome[0]
        if error:
            raise error
        return value
    return result


def get(address, path):
    """The text of a page of an exporter in a container; an error where it is not there."""
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as reply:
        return reply.read().decode()


def scrape(address):
    return live.Exposition(get(address, "/metrics"))


@contextlib.contextmanager
def server(command, address, log, **options):
    """An exporter that something else starts: ready when the block begins, gone when it ends."""
    with open(log, "w+") as output:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output, **options)

    def ready():
        assert process.poll() is None, f"{command} ended:\n{pathlib.Path(log).read_text()}"
        with contextlib.suppress(OSError):
            return get(address, "/-/ready")

    try:
        live.wait_until(ready, 30, f"{address} is ready")
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


# --- Debian and containers -----------------------------------------------------------------------


def need_containers():
    """For what a container runtime does: it gives a container a root of its own with pivot_root(2),
    which the kernel refuses below a chroot."""
    live.need_root()
    with open("/proc/self/mountinfo") as mounts:
        if not any(line.split()[4] == "/" for line in mounts):
            skip("in a chroot no container can be started")
    if not os.path.ismount("/sys"):
        skip("without /sys no container can be started")


def package_of(library):
    """The Debian package of a library; with usrmerge dpkg may know it without the leading /usr."""
    real = os.path.realpath(library)
    for path in (library, library.removeprefix("/usr"), real, real.removeprefix("/usr")):
        found = subprocess.run(["dpkg-query", "-S", path], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    skip(f"no package has {library}")


def debian(*packages, for_program):
    """A Debian 12 root with these packages and those of the program's libraries. Made once (16 s)
    and kept in the build folder, for the tests to read."""
    mmdebstrap = live.need_command("mmdebstrap")
    libraries = re.findall(r"(/\S+) \(0x", run("ldd", for_program))
    names = ",".join(sorted({*packages, *map(package_of, libraries)}))
    roots = PROJECT / "build" / "roots"
    root = roots / hashlib.sha256(names.encode()).hexdigest()[:12]
    if not root.exists():
        roots.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=roots) as unfinished:
            made = pathlib.Path(unfinished) / "root"
            try:
                run(mmdebstrap, "--quiet", "--variant=minbase", f"--include={names}", "bookworm",
                    made)
            except AssertionError as failure:
                skip(f"mmdebstrap could not make a root: {str(failure).splitlines()[-1]}")
            with contextlib.suppress(OSError):  # another test made it meanwhile
                made.rename(root)
    return root


def image_root(root):
    """The root of the container image, with the exporter of this build."""
    run(PROJECT / "deploy" / "container" / "make-root", live.DAEMON, root)
    return root


def plain_cgroups(*command):
    """The command, kept from seeing a v2 hierarchy beside a v1 one, which runtimes refuse."""
    hide = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\""
    return ["unshare", "--mount", "sh", "-c", hide, "sh", *command]


# --- Kubernetes ----------------------------------------------------------------------------------


def manifests(part):
    """The objects of deploy/kubernetes/PART as kubectl renders them."""
    kubectl = live.need_command("kubectl")
    with folder() as work:
        rendered = work / "rendered.yaml"
        rendered.write_text(run(kubectl, "kustomize", PROJECT / "deploy" / "kubernetes" / part))
        # A change that is not sent anywhere is how kubectl turns YAML into JSON without a cluster.
        text = run(kubectl, "annotate", "--local", "--dry-run=client", "-o", "json", "-f", rendered,
                   "rendered=")
    objects, at = [], 0
    while at < len(text):
        found, at = json.JSONDecoder().raw_decode(text, at)
        objects.append(found)
        while at < len(text) and text[at].isspace():
            at += 1
    return objects
