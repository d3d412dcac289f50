#!/usr/bin/env python3
"""Breaks every layering rule once and expects layers.py to say so."""

import pathlib
import tempfile
import unittest

from layers import violations


class Layers(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return violations(root)

    def assert_complains(self, files, *parts):
        found = self.check(files)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    good = {
        "collectors/procfs/stat.h": "#pragma once\n#include <string_view>\n",
        "collectors/procfs/stat.cc": '#include "collectors/procfs/stat.h"\n#include <unistd.h>\n',
        "collectors/base/pattern.h": "#include <re2/re2.h>\n",
        "collectors/process/table.h": '#include "collectors/base/pattern.h"\n#include "collectors/procfs/stat.h"\n',
        "collectors/process.cc": '#include "collectors/process/table.h"\n',
        "config/file.cc": "#include <yaml-cpp/yaml.h>\n",
        "daemon/main.cc": '#include <iostream>\n#include <civetweb.h>\n#include <prometheus/registry.h>\n'
        '#include "collectors/process/table.h"\n',
    }

    def test_accepts_layers_that_point_down(self):
        self.assertEqual(self.check(self.good), [])

    def test_accepts_a_header_made_from_a_template(self):
        files = {"daemon/version.h.in": "", "daemon/main.cc": '#include "daemon/version.h"\n'}
        self.assertEqual(self.check(files), [])

    def test_refuses_a_higher_layers_header(self):
        lower_to_higher = [
            ("collectors/base/text.cc", "collectors/procfs/stat.h"),
            ("collectors/procfs/stat.cc", "collectors/process/table.h"),
            ("collectors/procfs/stat.cc", "collectors/sink.h"),
            ("collectors/process/table.cc", "collectors/sink.h"),
            ("collectors/process/table.cc", "daemon/http.h"),
            ("collectors/process/facts/process.h", "collectors/process/table/table.h"),
            ("collectors/process/table/table.cc", "collectors/process/grouping/groups.h"),
            ("collectors/process/grouping/groups.cc", "collectors/process/sampling/lane.h"),
            ("collectors/process/sampling/lane.cc", "collectors/process/monitor.h"),
            ("collectors/process.cc", "config/file.h"),
            ("collectors/process.cc", "daemon/http.h"),
            ("config/file.cc", "daemon/http.h"),
        ]
        headers = {header: "#pragma once\n" for _, header in lower_to_higher}
        for path, header in lower_to_higher:
            with self.subTest(path=path, header=header):
                files = headers | {path: f'// text\n#include "{header}"\n'}
                self.assert_complains(files, f"{path}:2:", header, "higher layer")

    def test_refuses_a_library_of_another_layer(self):
        for path, header in [
            ("collectors/procfs/a.cc", "re2/re2.h"),
            ("collectors/procfs/a.cc", "zlib.h"),
            ("collectors/process/a.cc", "re2/re2.h"),
            ("collectors/process/a.cc", "spdlog/spdlog.h"),
            ("collectors/a.cc", "re2/re2.h"),
            ("collectors/a.cc", "fmt/format.h"),
            ("config/a.cc", "prometheus/registry.h"),
            ("daemon/a.cc", "yaml-cpp/yaml.h"),
            ("daemon/a.cc", "boost/any.hpp"),
        ]:
            with self.subTest(path=path, header=header):
                self.assert_complains({path: f"#include <{header}>\n"}, f"{path}:1:", header)

    def test_refuses_headers_that_are_not_named_from_the_top(self):
        files = {"daemon/a.h": "", "daemon/b.h": ""}
        for header in ["b.h", "../daemon/b.h", "./b.h", "daemon/none.h", "tests/x.h"]:
            with self.subTest(header=header):
                self.assert_complains(files | {"daemon/a.cc": f'#include "{header}"\n'}, header)

    def test_refuses_regex_everywhere_and_iostream_outside_main(self):
        self.assert_complains({"daemon/main.cc": "#include <regex>\n"}, "<regex>")
        self.assert_complains({"daemon/http.cc": "#include <iostream>\n"}, "<iostream>")
        self.assert_complains({"collectors/procfs/a.h": "  #  include <iostream>\n"}, "<iostream>")

    def test_refuses_headers_in_a_circle(self):
        self.assert_complains(
            {
                "daemon/a.h": '#include "daemon/b.h"\n',
                "daemon/b.h": '#include "daemon/c.h"\n',
                "daemon/c.h": '#include "daemon/a.h"\n',
            },
            "daemon/a.h -> daemon/b.h -> daemon/c.h -> daemon/a.h",
        )

    def test_refuses_a_tree_without_sources(self):
        self.assert_complains({"README.md": ""}, "no sources")


if __name__ == "__main__":
    unittest.main()
