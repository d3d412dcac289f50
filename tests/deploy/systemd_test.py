#!/usr/bin/env python3
"""The service in a booted systemd: installed as `cmake --install` does it, started, scraped,
killed, given other arguments, stopped. The machine is a Debian root made once and booted with
systemd-nspawn; systemd_check.sh is what happens in it."""

import os
import pathlib
import re
import subprocess
import unittest

from support import BUILD, debian, folder, live, need_containers, once, run, skip

HERE = pathlib.Path(__file__).resolve().parent

CHECK_SERVICE = """
[Unit]
Description=Puts memory_exporter.service through its life
[Service]
Type=oneshot
ExecStart=/bin/bash /check.sh
"""

# What is installed of deploy/ and grafana/, and the program, with the prefix /usr.
INSTALLED = """
etc/default/memory_exporter
usr/bin/memory_exporter
usr/lib/systemd/system/memory_exporter.service
usr/share/memory_exporter/grafana/dashboards/groups.json
usr/share/memory_exporter/grafana/dashboards/node-memory.json
usr/share/memory_exporter/prometheus/memory_exporter.rules.yml
""".split()


def install(stage, prefix="/usr"):
    return run("cmake", "--install", BUILD, "--prefix", prefix,
               env={**os.environ, "DESTDIR": str(stage)})


def boot(root, *arguments):
    """Runs the machine until it powers itself off. Its own root stays as it was."""
    command = [live.need_command("systemd-nspawn"), "--quiet", "--register=no", "--keep-unit",
               "--private-network", "--volatile=overlay", f"--directory={root}"]
    possible = subprocess.run([*command, "/bin/true"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if possible.returncode != 0:
        skip(f"this machine cannot run a container: {possible.stdout.strip()}")
    return run(*command, *arguments, timeout=60)


@once
def results():
    """What each step of systemd_check.sh left, by the name of its file."""
    need_containers()
    root = debian("systemd", "systemd-sysv", "dbus", for_program=live.DAEMON)
    with folder() as work:
        stage, seen = work / "stage", work / "results"
        stage.mkdir()
        seen.mkdir()
        install(stage)
        service = work / "check.service"
        service.write_text(CHECK_SERVICE)
        console = boot(
            root, f"--bind-ro={stage}:/stage", f"--bind={seen}:/results",
            f"--bind-ro={HERE / 'systemd_check.sh'}:/check.sh",
            f"--bind-ro={BUILD / 'tests/deploy/kcmp_probe'}:/usr/bin/kcmp_probe",
            f"--bind-ro={service}:/etc/systemd/system/check.service",
            "--boot", "systemd.wants=check.service")
        files = {file.name: file.read_text() for file in seen.iterdir()}
    assert "finished" in files, f"the check did not end:\n{files.get('log')}\n{console}"
    return files


def properties(step):
    return dict(line.split("=", 1) for line in results()[step].splitlines() if "=" in line)


def metric(pattern):
    """The values of all samples that match."""
    return [float(value) for value in re.findall(rf"^{pattern} (\S+)$", results()["metrics"], re.M)]


class SystemdTest(unittest.TestCase):
    def test_installs_where_a_distribution_would(self):
        with folder() as stage:
            install(stage)
            files = [file for file in stage.rglob("*") if file.is_file()]
            found = {str(file.relative_to(stage)) for file in files}
            assert found >= set(INSTALLED), found
            elsewhere = {file for file in found if not file.startswith(("usr/", "etc/default/"))}
            assert not elsewhere, elsewhere

    def test_an_argument_file_that_is_there_stays(self):
        for prefix, file in {"/usr": "etc/default/memory_exporter",
                             "/usr/local": "etc/default/memory_exporter",
                             "/opt/x": "opt/x/etc/default/memory_exporter"}.items():
            with folder() as stage:
                install(stage, prefix)
                (stage / file).write_text("ARGS=--mine")
                install(stage, prefix)
                assert (stage / file).read_text() == "ARGS=--mine", prefix

    def test_the_unit_is_clean(self):
        assert results()["verify"] == "0\n", results()["verify"]

    def test_the_unit_is_sandboxed(self):
        assert results()["security.code"] == "0\n", results()["security"]

    def test_starting_waits_until_it_is_ready(self):
        assert results()["start.code"] == "0\n", results()["log"]
        state = properties("started")
        assert (state["Type"], state["ActiveState"], state["SubState"]) == (
            "notify", "active", "running"), state
        assert state["UnitFileState"] == "enabled"

    def test_runs_as_its_own_user_with_one_capability(self):
        status = dict(re.findall(r"^(\w+):\s*(.*)$", results()["status"], re.M))
        user = int(status["Uid"].split()[0])
        assert 61184 <= user <= 65519, f"uid {user} is none that DynamicUser= gives"
        # No program that the service were made to start would have it.
        for which in ("CapInh", "CapAmb"):
            assert int(status[which], 16) == 0, f"{which} is {status[which]}"
        for which in ("CapPrm", "CapEff", "CapBnd"):
            assert int(status[which], 16) == 1 << 19, (
                f"{which} is {status[which]}, not CAP_SYS_PTRACE")
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status

    def test_measures_processes_of_root(self):
        assert results()["metrics"].startswith("HTTP/1.1 200"), results()["metrics"][:200]
        pss = metric(r'memory_group_pss_bytes\{name="systemd-journal",.*\}')
        truth = dict(re.findall(r"^(\w+):\s+(\d+) kB", results()["journald"], re.M))
        # The journal is written to meanwhile, so the two do not agree to the byte.
        assert int(truth["Pss"]) * 1024 * 0.5 < sum(pss) < int(truth["Rss"]) * 1024, (pss, truth)
        denied = metric(r'memory_group_unmeasured_resident_bytes\{.*reason="denied"\}')
        assert denied and sum(denied) == 0, f"{sum(denied)} bytes are denied"

    def test_sees_the_system_s_memory(self):
        for name in ("memory_meminfo_mem_available_bytes", "memory_vmstat_pgfault_total",
                     "memory_overcommit_limit_bytes"):
            assert metric(name), f"no {name}"

    def test_may_tell_a_vfork_child(self):
        assert re.search(r"^kcmp: answered [12]$", results()["kcmp"], re.M), results()["kcmp"]

    def test_comes_back_after_a_crash(self):
        before, after = properties("started"), properties("restarted")
        assert after["ActiveState"] == "active" and after["NRestarts"] == "1", after["NRestarts"]
        assert after["MainPID"] != before["MainPID"]

    def test_takes_its_arguments_from_etc_default(self):
        assert "200 OK" in results()["other_port"], results()["other_port"]

    def test_a_reload_reads_the_configuration_again_and_restarts_nothing(self):
        assert results()["reload.code"] == "0\n", results()["log"]
        assert 'memory_exporter_collector_success{collector="ksm"} 1' in results()["reloaded"]
        assert properties("before_reload")["MainPID"] == properties("after_reload")["MainPID"]

    def test_stops_cleanly(self):
        state = properties("stopped")
        assert (state["ActiveState"], state["Result"], state["ExecMainStatus"]) == (
            "inactive", "success", "0"), state
        assert int(results()["stop.milliseconds"]) < 4000, results()["stop.milliseconds"]

    def test_a_wrong_flag_is_not_tried_again(self):
        state = properties("refused")
        assert (state["ActiveState"], state["ExecMainStatus"], state["NRestarts"]) == (
            "failed", "2", "0"), (state["ActiveState"], state["ExecMainStatus"], state["NRestarts"])
        assert "--no-such-flag" in results()["journal"], results()["journal"]


if __name__ == "__main__":
    live.main()
