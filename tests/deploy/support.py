"""What the drivers in this folder share: skipping, ports, servers that end with the test, HTTP."""

import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# ctest says which build is meant; run by hand, the shipped one is.
BUILD = pathlib.Path(os.environ.get("MEMORY_EXPORTER_BUILD", PROJECT / "build" / "release"))
EXPORTER = BUILD / "daemon" / "memory_exporter"
RULES = PROJECT / "deploy" / "prometheus" / "memory_exporter.rules.yml"
# Where scripts/install-packages unpacks the servers that only tests need.
SERVERS = PROJECT / "build" / "servers" / "usr" / "bin"

SKIPPED = 77


class Skipped(Exception):
    """This machine does not have what the test is about."""


def skip(reason):
    raise Skipped(reason)


def find(command):
    """The path of a command, or None."""
    return shutil.which(command, path=f"{SERVERS}:{os.environ['PATH']}:/usr/sbin:/sbin")


def need(command):
    """The path of a command without which there is nothing to test."""
    return find(command) or skip(f"{command} is not installed")


def need_root(why):
    if os.geteuid() != 0:
        skip(f"needs root: {why}")


def need_containers():
    """For what a container runtime does: it gives a container a root of its own with pivot_root(2),
    which the kernel refuses below a chroot."""
    need_root("to start containers")
    with open("/proc/self/mountinfo") as mounts:
        if not any(line.split()[4] == "/" for line in mounts):
            skip("in a chroot no container can be started")
    if not os.path.ismount("/sys"):
        skip("without /sys no container can be started")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run(*command, **options):
    """Runs to the end; a failure shows what the command printed."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return reply.read().decode()


def metrics(address, name):
    """The samples of a metric on /metrics, each as its labels and its value."""
    samples = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", get(f"http://{address}/metrics"), re.M)
    return [(dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value))
            for labels, value in samples]


def until(condition, seconds, what, pause=0.05):
    """Waits for a true value and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


def answers(url):
    try:
        get(url)
        return True
    except OSError:
        return False


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="memory_exporter.") as path:
        yield pathlib.Path(path)


@contextlib.contextmanager
def server(command, ready_url, log, seconds=20, **options):
    """A server that is there when the block begins and gone when it ends. Yields its Popen."""
    with open(log, "w") as output:
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, **options)

    def ready():
        assert process.poll() is None, f"{command[0]} ended:\n{pathlib.Path(log).read_text()}"
        return answers(ready_url)

    try:
        until(ready, seconds, f"{ready_url} answers")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextlib.contextmanager
def exporter(work, *arguments):
    """The exporter of this build, ready. Yields host:port."""
    address = f"127.0.0.1:{free_port()}"
    with server([EXPORTER, f"--web.listen-address={address}", *arguments],
                f"http://{address}/-/ready", work / "exporter.log"):
        yield address


class Prometheus:
    """The HTTP interface of a running Prometheus."""

    def __init__(self, address):
        self.address = address

    def api(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            return json.loads(get(url, timeout=20))["data"]
        except urllib.error.HTTPError as refused:
            reason = json.loads(refused.read().decode())["error"]
            raise AssertionError(f"{path} {parameters}: {reason}") from None

    def query(self, expression, **at):
        return self.api("query", query=expression, **at)["result"]

    def query_range(self, expression, start, end, step=1):
        return self.api("query_range", query=expression, start=start, end=end, step=step)["result"]


@contextlib.contextmanager
def prometheus(work, targets, rules=None, interval="1s"):
    """A Prometheus with one scrape of everything already in it. `targets`: job to host:port."""
    address = f"127.0.0.1:{free_port()}"
    config = work / "prometheus.yml"
    config.write_text(json.dumps({  # every JSON is YAML
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)] if rules else [],
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]}
                           for job, target in targets.items()],
    }))
    command = [need("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={work}/tsdb",
               f"--web.listen-address={address}", "--log.level=warn"]
    with server(command, f"http://{address}/-/ready", work / "prometheus.log"):
        client = Prometheus(address)
        until(lambda: len(client.query("up == 1")) == len(targets), 20,
              f"Prometheus has scraped {targets}")
        yield client


def libraries(program):
    """The shared libraries that a program is linked with."""
    return re.findall(r"(/\S+) \(0x", run("ldd", program))


def debian(*packages, needed_by=None):
    """A Debian 12 root with these packages and those of the program's libraries. Made once (16 s)
    and kept in the build folder, for the tests to read."""
    mmdebstrap = need("mmdebstrap")
    wanted = set(packages)
    for library in libraries(needed_by) if needed_by else ():
        # With usrmerge, dpkg knows some of them without the leading /usr.
        for path in (library, library.removeprefix("/usr"), os.path.realpath(library),
                     os.path.realpath(library).removeprefix("/usr")):
            owner = subprocess.run(["dpkg-query", "-S", path], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
            if owner.returncode == 0:
                wanted.add(owner.stdout.split(":")[0])
                break
        else:
            skip(f"no package has {library}")
    names = ",".join(sorted(wanted))
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
            try:
                made.rename(root)
            except OSError:
                assert root.exists()  # another test made it meanwhile
    return root


def image_root(root):
    """The root of the container image, with the exporter of this build."""
    run(PROJECT / "deploy" / "container" / "make-root", EXPORTER, root)
    return root


def plain_cgroups(*command):
    """The command, kept from seeing a v2 hierarchy beside a v1 one, which runtimes refuse."""
    hide = "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\""
    return ["unshare", "--mount", "sh", "-c", hide, "sh", *command]


def manifests(part):
    """The objects of deploy/kubernetes/PART as kubectl renders them."""
    kubectl = need("kubectl")
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


def main(*tests):
    """Runs all, prints what came of each, and ends with a code for ctest."""
    codes = set()
    for test in tests:
        started = time.monotonic()
        try:
            test()
            verdict = "ok"
        except Skipped as reason:
            codes.add(SKIPPED)
            verdict = f"skipped: {reason}"
        except AssertionError as failure:
            codes.add(1)
            verdict = f"FAILED\n{failure}"
        except Exception:
            codes.add(1)
            verdict = f"FAILED\n{traceback.format_exc()}"
        print(f"{test.__name__} ({time.monotonic() - started:.1f} s): {verdict}", flush=True)
    sys.exit(min(codes, default=0))
