"""Every relative link in a page leads to a file, and one with a #heading to a heading of it."""

import os
import re
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def pages():
    for folder, folders, files in os.walk(SOURCE):
        folders[:] = [name for name in folders if name not in (".git", "build", "node_modules")]
        for name in files:
            if name.endswith(".md"):
                yield os.path.join(folder, name)


def anchors(path):
    """The headings of a page, as links name them."""
    with open(path, encoding="utf-8") as file:
        headings = re.findall(r"^#+ (.*)$", file.read(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class LinksTest(unittest.TestCase):
    def test_every_relative_link_leads_somewhere(self):
        count = 0
        for page in pages():
            with open(page, encoding="utf-8") as file:
                text = file.read()
            for path, heading in LINK.findall(text):
                if ":" in path:
                    continue
                count += 1
                target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
                with self.subTest(page=os.path.relpath(page, SOURCE), link=path + "#" + heading):
                    self.assertTrue(os.path.exists(target))
                    if heading:
                        self.assertIn(heading, anchors(target))
        self.assertGreater(count, 5)


if __name__ == "__main__":
    unittest.main()
