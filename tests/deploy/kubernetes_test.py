#!/usr/bin/env python3
"""The manifests: consistent in themselves, and the pod run with the privileges that a kubelet would
give it. There is no cluster here; the container is started with crun from a bundle that is made of
the DaemonSet the way containerd makes it, ambient capabilities left out above all."""

import contextlib
import copy
import json
import re
import unittest

from support import (PROJECT, RULES, folder, get, image_root, live, manifests, need_containers,
                     plain_cgroups, scrape, server)

# What containerd hides from every container that is not privileged.
MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
          "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def base(kind):
    return next(thing for thing in manifests("base") if thing["kind"] == kind)


def pod():
    return base("DaemonSet")["spec"]["template"]["spec"]


def container():
    (only,) = pod()["containers"]
    return only


def bundle(spec, program, root, arguments, own_cgroups):
    """The runtime's config.json for the pod's only container, with a cgroup namespace of its own or
    without: a kubelet's containers have one where the node has cgroup v2."""
    (only,) = spec["containers"]
    may = only["securityContext"]
    assert may["capabilities"]["drop"] == ["ALL"]
    added = [f"CAP_{name}" for name in may["capabilities"]["add"]]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    namespaces = ["mount", "ipc", "uts"] + ([] if spec["hostPID"] else ["pid"])
    namespaces += ["cgroup"] if own_cgroups else []
    return {
        "ociVersion": "1.0.0",
        "process": {
            "user": {"uid": may["runAsUser"], "gid": may["runAsGroup"]},
            "args": [program, *only["args"], *arguments],
            "cwd": "/",
            "capabilities": {"bounding": added, "effective": added, "permitted": added,
                             "inheritable": [], "ambient": []},
            "noNewPrivileges": not may["allowPrivilegeEscalation"],
        },
        "root": {"path": str(root), "readonly": may["readOnlyRootFilesystem"]},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]},
        ] + [
            {"destination": mount["mountPath"], "source": paths[mount["name"]],
             "options": ["rbind", "rprivate", "ro" if mount["readOnly"] else "rw"]}
            for mount in only["volumeMounts"]
        ],
        "linux": {"namespaces": [{"type": name} for name in namespaces],
                  "maskedPaths": MASKED, "readonlyPaths": READ_ONLY},
    }


@contextlib.contextmanager
def running(spec, *arguments, own_cgroups=True):
    """The pod's container on this host's network, ready. Yields host:port."""
    need_containers()
    crun = live.need_command("crun")
    address = f"127.0.0.1:{live.free_port()}"
    with folder() as work:
        root = image_root(work / "image")
        config = bundle(spec, "/usr/bin/memory_exporter", root,
                        [f"--web.listen-address={address}", *arguments], own_cgroups)
        (work / "config.json").write_text(json.dumps(config))
        name = f"memory-exporter-{address.rpartition(':')[2]}"
        command = plain_cgroups(crun, f"--root={work}/state", "--cgroup-manager=cgroupfs", "run",
                                f"--bundle={work}", name)
        with server(command, address, work / "log"):
            yield address


def states(exposition):
    """How many of the machine's processes are measured, denied, and so on."""
    return {labels["state"]: count
            for labels, count in exposition.values("memory_exporter_processes")}


def as_root_on_the_host():
    code, text, errors = live.run_daemon("--once")
    assert code == 0, errors
    return states(live.Exposition(text))["denied"]


class KubernetesTest(unittest.TestCase):
    def test_a_pod_reads_what_root_reads(self):
        with running(pod(), "--pss.mode=exact", "--pss.wait=5s") as address:
            found = states(scrape(address))
        assert found["measured"] > 5, found
        assert found["denied"] == as_root_on_the_host(), found

    def test_another_user_would_not(self):
        spec = copy.deepcopy(pod())
        spec["containers"][0]["securityContext"] |= {"runAsUser": 65534, "runAsGroup": 65534}
        with running(spec, "--pss.mode=exact", "--pss.wait=5s") as address:
            found = states(scrape(address))
        assert found["denied"] > found["measured"], found

    def test_cgroups_have_the_hosts_names(self):
        for own in (True, False):
            with running(pod(), own_cgroups=own) as address:
                found = {labels["cgroup"] for labels, _ in
                         scrape(address).values("memory_group_processes")}
            assert f"/memory-exporter-{address.rpartition(':')[2]}" in found, found
            assert not any(name.startswith("/..") for name in found), found

    def test_the_probes_are_answered(self):
        only = container()
        with running(pod()) as address:
            for probe in ("readinessProbe", "livenessProbe"):
                request = only[probe]["httpGet"]
                assert get(address, request["path"])
                assert request["port"] == only["ports"][0]["name"]

    @unittest.skipIf(live.SANITIZED, "a sanitizer's memory is not the exporter's")
    def test_it_needs_less_memory_than_it_requests(self):
        with running(pod()) as address:
            resident = scrape(address).value("process_resident_memory_bytes")
        requested = container()["resources"]["requests"]["memory"]
        requested = int(re.fullmatch(r"(\d+)Mi", requested)[1]) << 20
        assert resident < requested, f"{resident} resident, {requested} requested"

    def test_nothing_can_throttle_a_reader(self):
        assert "cpu" not in container()["resources"]["limits"]

    def test_labels_and_names_agree(self):
        objects = {thing["kind"]: thing for part in ("base", "prometheus-operator")
                   for thing in manifests(part)}
        daemons, monitor = objects["DaemonSet"], objects["PodMonitor"]
        template = daemons["spec"]["template"]
        labels = template["metadata"]["labels"]
        assert daemons["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == container()["ports"][0]["name"]
        assert objects["PriorityClass"]["metadata"]["name"] == template["spec"]["priorityClassName"]
        for thing in objects.values():
            if thing["kind"] not in ("Namespace", "PriorityClass"):
                assert thing["metadata"]["namespace"] == objects["Namespace"]["metadata"]["name"]
        port = template["metadata"]["annotations"]["prometheus.io/port"]
        assert int(port) == container()["ports"][0]["containerPort"]

    def test_the_image_has_the_project_s_version(self):
        version = re.search(r"project\(memory_exporter VERSION (\S+)",
                            (PROJECT / "CMakeLists.txt").read_text())[1]
        assert container()["image"] == f"memory-exporter:{version}"

    def test_the_prometheus_rule_has_the_rules(self):
        file = PROJECT / "deploy" / "kubernetes" / "prometheus-operator" / "prometheusrule.yaml"
        rules = RULES.read_text()
        rules = rules[rules.index("groups:\n"):]
        wanted = "".join("  " + line if line.strip() else line for line in rules.splitlines(True))
        found = file.read_text().split("\nspec:\n", 1)[1]
        assert found == wanted, (
            f"{file} differs from {RULES}: put the rules below spec:, two spaces in")


if __name__ == "__main__":
    live.main()
