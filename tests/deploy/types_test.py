#!/usr/bin/env python3
"""The dashboards and the manifests against the published types of Grafana and Kubernetes.

TypeScript takes JSON as it is, and names every field that a type does not know, every one that is
missing, and every value that is not among those allowed. The types come from npm, into the build
folder, once.
"""

import json
import subprocess
import unittest

from support import BUILD, PROJECT, folder, live, manifests, run, skip

PACKAGES = {
    "typescript": "5.4.5",
    "kubernetes-types": "1.30.0",
    "grafana-10": "npm:@grafana/schema@10.4.19",
    "grafana-11": "npm:@grafana/schema@11.6.14",
}

KINDS = {
    "DaemonSet": "kubernetes-types/apps/v1",
    "Namespace": "kubernetes-types/core/v1",
    "PriorityClass": "kubernetes-types/scheduling/v1",
}

# Grafana's enums are open to their values, and data sources add fields of their own to queries,
# variables and annotations: those of Prometheus are named here.
DASHBOARD = """
import type * as grafana from "grafana-%d";
type Plain<T> = T extends string ? `${T}` : T extends number | boolean ? T
  : T extends (infer U)[] ? Plain<U>[] : T extends object ? {[K in keyof T]: Plain<T[K]>} : T;
type Dashboard = Omit<Plain<grafana.Dashboard>, "templating" | "annotations" | "panels"> & {
  templating: {list: (Plain<grafana.VariableModel> & {definition?: string; regex?: string})[]};
  annotations: {list: (Plain<grafana.AnnotationQuery>
    & {expr: string; step: string; titleFormat: string; textFormat: string})[]};
  panels: Plain<grafana.Dashboard["panels"]>;
};
export const dashboard: Dashboard = %s;
"""

OBJECT = 'import type {%(kind)s} from "%(types)s";\nexport const object: %(kind)s = %(json)s;\n'

COMPILER = {"strict": True, "noEmit": True, "skipLibCheck": True, "module": "node16",
            "moduleResolution": "node16", "target": "es2022", "types": []}


def installed():
    """A folder that has the types; made once for each list of packages."""
    npm = live.need_command("npm")
    home = BUILD / "types"
    wanted = json.dumps({"private": True, "dependencies": PACKAGES})
    package = home / "package.json"
    if not package.exists() or package.read_text() != wanted:
        home.mkdir(exist_ok=True)
        with folder() as fresh:
            (fresh / "package.json").write_text(wanted)
            try:
                run(npm, "install", "--ignore-scripts", "--no-audit", "--no-fund",
                    "--no-package-lock", cwd=fresh, timeout=120)
            except (AssertionError, subprocess.TimeoutExpired) as failure:
                skip(f"npm could not fetch the types: {str(failure).splitlines()[-1]}")
            run("cp", "-a", fresh / "node_modules", home)
        package.write_text(wanted)
    return home


def errors(sources):
    """What the compiler says of each source: name to a list of lines."""
    home = installed()
    with folder() as work:
        (work / "node_modules").symlink_to(home / "node_modules")
        (work / "tsconfig.json").write_text(
            json.dumps({"compilerOptions": COMPILER, "include": ["*.ts"]}))
        for name, text in sources.items():
            (work / f"{name}.ts").write_text(text)
        try:
            run("node", home / "node_modules" / "typescript" / "bin" / "tsc", "-p", ".", cwd=work)
            return ""
        except AssertionError as failure:
            return str(failure)


def dashboards():
    return {file.stem: file.read_text() for file in (PROJECT / "grafana/dashboards").glob("*.json")}


class TypesTest(unittest.TestCase):
    def test_dashboards_fit_grafana_10_and_11(self):
        found = errors({f"{name}-{version}": DASHBOARD % (version, text)
                        for name, text in dashboards().items() for version in (10, 11)})
        assert not found, found

    def test_manifests_fit_kubernetes(self):
        objects = manifests("base")
        found = errors({f"{thing['kind']}-{number}":
                        OBJECT % {"kind": thing["kind"], "types": KINDS[thing["kind"]],
                                  "json": json.dumps(thing, indent=1)}
                        for number, thing in enumerate(objects)})
        assert not found, found

    def test_a_wrong_field_is_found(self):
        text = next(iter(dashboards().values()))
        wrong_panel = DASHBOARD % (10, text.replace('"gridPos"', '"gridpos"', 1))
        wrong_pod = OBJECT % {"kind": "DaemonSet", "types": KINDS["DaemonSet"], "json": json.dumps(
            {"spec": {"selector": {}, "template": {"spec": {"containers": [], "hostPid": True}}}})}
        found = errors({"panel": wrong_panel, "pod": wrong_pod})
        assert "gridpos" in found and "hostPid" in found, found or "nothing found"


if __name__ == "__main__":
    live.main()
