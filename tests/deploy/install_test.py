#!/usr/bin/env python3
"""The configurations that docs/install.md shows, given to the programs that read them."""

import re
import unittest

from support import PROJECT, RULES, folder, live, run

BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", (PROJECT / "docs" / "install.md").read_text(),
                    re.M | re.S)


def blocks_with(key):
    found = [block for block in BLOCKS if re.search(rf"^{key}:", block, re.M)]
    assert found, f"docs/install.md shows no {key}:"
    return found


class InstallTest(unittest.TestCase):
    def test_prometheus_takes_its_configurations(self):
        for block in blocks_with("scrape_configs") + blocks_with("alerting"):
            # Debian builds its Prometheus without Kubernetes' discovery; the rest of that job is
            # checked.
            block = re.sub(r"kubernetes_sd_configs:\n( {6}.*\n)+", "static_configs: []\n", block)
            with folder() as work:
                (work / RULES.name).write_text(RULES.read_text())
                (work / "prometheus.yml").write_text(block)
                run(live.need_command("promtool"), "check", "config", work / "prometheus.yml")

    def test_kubectl_takes_the_overlay(self):
        kubectl = live.need_command("kubectl")
        (overlay,) = blocks_with("kind")
        with folder() as work:
            (work / "memory_exporter").symlink_to(PROJECT)
            # A kustomization may not reach outside its folder through a link, nor kubectl before
            # 1.21 into a folder at all: what it names is rendered here, and put in its place.
            (work / "base.yaml").write_text(
                run(kubectl, "kustomize", work / "memory_exporter/deploy/kubernetes/base"))
            resource = "memory_exporter/deploy/kubernetes/base"
            assert f"  - {resource}\n" in overlay, overlay
            (work / "kustomization.yaml").write_text(overlay.replace(resource, "base.yaml"))
            rendered = run(kubectl, "kustomize", work)
            assert "image: REGISTRY/memory-exporter:0.1.0" in rendered, rendered


if __name__ == "__main__":
    live.main()
