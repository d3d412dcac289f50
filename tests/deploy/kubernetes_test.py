#!/usr/bin/env python3
"""The manifests: consistent in themselves, and the pod run with the privileges that a kubelet would
give it. There is no cluster here; the container is started with crun from a bundle that is made of
the DaemonSet the way containerd makes it, ambient capabilities left out above all."""

import contextlib
import copy
import json
import re

from support import (PROJECT, RULES, EXPORTER, folder, free_port, get, image_root, main, manifests,
                     metrics, need, need_containers, plain_cgroups, run, server)

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


def bundle(spec, program, root, arguments):
    """The runtime's config.json for the pod's only container."""
    (only,) = spec["containers"]
    may = only["securityContext"]
    assert may["capabilities"]["drop"] == ["ALL"]
    added = [f"CAP_{name}" for name in may["capabilities"]["add"]]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    namespaces = ["mount", "ipc", "uts"] + ([] if spec["hostPID"] else ["pid"])
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
def running(spec, *arguments):
    """The pod's container on this host's network, ready. Yields host:port."""
    need_containers()
    crun = need("crun")
    address = f"127.0.0.1:{free_port()}"
    with folder() as work:
        root = image_root(work / "image")
        config = bundle(spec, "/usr/bin/memory_exporter", root,
                        [f"--web.listen-address={address}", *arguments])
        (work / "config.json").write_text(json.dumps(config))
        name = f"memory-exporter-{address.rpartition(':')[2]}"
        command = plain_cgroups(crun, f"--root={work}/state", "--cgroup-manager=cgroupfs", "run",
                                f"--bundle={work}", name)
        with server(command, f"http://{address}/-/ready", work / "log"):
            yield address


def shares(address):
    """How many of the machine's processes are measured, and how many are denied."""
    found = metrics(address, "memory_exporter_processes")
    return {labels["state"]: count for labels, count in found if labels["state"] in
            ("measured", "denied")}


def as_root_on_the_host():
    (line,) = [line for line in run(EXPORTER, "--once", "--log.level=error").splitlines()
               if line.startswith('memory_exporter_processes{state="denied"}')]
    return float(line.split()[-1])


def test_a_pod_reads_what_root_reads():
    with running(pod(), "--pss.mode=exact", "--pss.wait=5s") as address:
        found = shares(address)
    assert found["measured"] > 5, found
    assert found["denied"] == as_root_on_the_host(), found


def test_another_user_would_not():
    spec = copy.deepcopy(pod())
    spec["containers"][0]["securityContext"] |= {"runAsUser": 65534, "runAsGroup": 65534}
    with running(spec, "--pss.mode=exact", "--pss.wait=5s") as address:
        found = shares(address)
    assert found["denied"] > found.get("measured", 0), found


def test_the_probes_and_the_memory_request_fit():
    only = container()
    with running(pod()) as address:
        for probe in ("readinessProbe", "livenessProbe"):
            request = only[probe]["httpGet"]
            get(f"http://{address}{request['path']}")
            assert request["port"] == only["ports"][0]["name"]
        ((_, resident),) = metrics(address, "process_resident_memory_bytes")
    requested = int(re.fullmatch(r"(\d+)Mi", only["resources"]["requests"]["memory"])[1]) << 20
    assert resident < requested, f"{resident} resident, {requested} requested"


def test_nothing_can_throttle_a_reader():
    assert "cpu" not in container()["resources"]["limits"]


def test_labels_and_names_agree():
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


def test_the_image_has_the_project_s_version():
    version = re.search(r"project\(memory_exporter VERSION (\S+)",
                        (PROJECT / "CMakeLists.txt").read_text())[1]
    assert container()["image"] == f"memory-exporter:{version}"


def test_the_prometheus_rule_has_the_rules():
    file = PROJECT / "deploy" / "kubernetes" / "prometheus-operator" / "prometheusrule.yaml"
    rules = RULES.read_text()
    rules = rules[rules.index("groups:\n"):]
    wanted = "".join("  " + line if line.strip() else line for line in rules.splitlines(True))
    found = file.read_text().split("\nspec:\n", 1)[1]
    assert found == wanted, f"{file} differs from {RULES}: put the rules below spec:, two spaces in"


main(test_labels_and_names_agree,
     test_the_image_has_the_project_s_version,
     test_the_prometheus_rule_has_the_rules,
     test_nothing_can_throttle_a_reader,
     test_a_pod_reads_what_root_reads,
     test_another_user_would_not,
     test_the_probes_and_the_memory_request_fit)
