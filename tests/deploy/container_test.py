#!/usr/bin/env python3
"""The image: built with podman from the Containerfile's last stage and run against this host's
processes with the options of docs/install.md. The stages before it compile the project as the other
tests have; what they hand over is made by the same deploy/container/make-root."""

import contextlib
import json
import os
import re
import unittest

from support import (BUILD, PROJECT, folder, image_root, live, need_containers, plain_cgroups, run,
                     scrape, server)

IMAGE = "memory-exporter:test"


class Podman:
    """A podman with storage of its own, so that nothing of it stays."""

    def __init__(self, work):
        self.work = work
        # The limits that a runtime would raise, root here may not.
        (work / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
        self.environment = {**os.environ, "CONTAINERS_CONF": str(work / "containers.conf")}

    def command(self, *arguments):
        return ["podman", "--root", self.work / "storage", "--runroot", self.work / "run",
                "--storage-driver=vfs", "--runtime=crun", "--cgroup-manager=cgroupfs",
                "--events-backend=none", *arguments]

    def __call__(self, *arguments):
        return run(*plain_cgroups(*self.command(*arguments)), env=self.environment)


def last_stage():
    """The image as the Containerfile describes it, from a folder that holds what was compiled."""
    text = (PROJECT / "deploy" / "container" / "Containerfile").read_text()
    stage = text[text.index("\nFROM scratch\n"):]
    assert stage.count("COPY --from=build /image /") == 1
    return stage.replace("COPY --from=build /image /", "COPY image /")


@contextlib.contextmanager
def image():
    need_containers()
    live.need_command("podman"), live.need_command("crun")
    with folder() as work:
        podman = Podman(work)
        image_root(work / "context" / "image")
        (work / "Containerfile").write_text(last_stage())
        podman("build", "--isolation=chroot", "--file", work / "Containerfile", "--tag", IMAGE,
               work / "context")
        yield podman


def options_of_the_docs():
    """The options of `podman run` in docs/install.md, without those for a service."""
    text = (PROJECT / "docs" / "install.md").read_text()
    command = re.search(r"podman run (.*?) memory-exporter:\S+ (.*?)\n```", text, re.S)
    options, arguments = (part.replace("\\\n", " ").split() for part in command.groups())
    for_a_service = ("-d", "--name=memory_exporter")
    return [option for option in options if option not in for_a_service], arguments


class ContainerTest(unittest.TestCase):
    def test_the_image_holds_the_program_and_its_libraries_only(self):
        with image() as podman:
            described = json.loads(podman("image", "inspect", IMAGE))[0]
            assert described["Config"]["Entrypoint"] == ["/usr/bin/memory_exporter"]
            assert podman("run", "--rm", "--network=host", IMAGE, "--version").startswith(
                "memory_exporter ")
            root = podman.work / "context" / "image"
            files = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
            others = {file for file in files if ".so" not in file}
            assert others == {"usr/bin/memory_exporter"}, others

    def test_a_container_sees_the_host_s_processes(self):
        options, arguments = options_of_the_docs()
        with image() as podman:
            address = f"127.0.0.1:{live.free_port()}"
            probe = BUILD / "tests" / "deploy" / "kcmp_probe"
            # The seccomp profile is the runtime's default, as in a cluster.
            answer = podman("run", "--rm", *options, "-v", f"{probe}:/probe:ro",
                            "--entrypoint=/probe", IMAGE)
            assert re.match(r"kcmp: answered [12]\n", answer), answer

            command = plain_cgroups(*podman.command(
                "run", "--rm", *options, IMAGE, *arguments, f"--web.listen-address={address}"))
            with server(command, address, podman.work / "log", env=podman.environment):
                found = scrape(address)
            assert found.value("memory_exporter_processes", state="measured") > 5
            # This driver is one of the host's processes.
            with open("/proc/self/comm") as comm:
                assert found.sum("memory_group_pss_bytes", name=comm.read().strip())


if __name__ == "__main__":
    live.main()
