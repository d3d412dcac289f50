"""A hundred scrapers that ask again as soon as they are answered share the work."""

import contextlib
import unittest

from attack import FULL, Crowd, Scraper, attack, live, share


class ManyScrapers(unittest.TestCase):
    def under(self, **headers):
        others = []

        def scrapers():
            stack = contextlib.ExitStack()
            others.extend(stack.enter_context(Scraper(daemon.port, 0, **headers)) for _ in range(100))
            return stack
        name = "100 scrapers" + (" with gzip" if headers else "")
        with Crowd("sleep", 50), live.Daemon("--scrape.share=100ms") as daemon:
            attack(self, name, daemon, scrapers, 10 if FULL else 3)
        lost = [loss for scraper in others for loss in scraper.lost]
        self.assertEqual(lost[:3], [])
        self.assertGreater(sum(len(scraper.seconds) for scraper in others), 100)
        self.assertLess(share([s for scraper in others for s in scraper.seconds], 0.99), 10)

    def test_none_is_turned_away(self):
        self.under()

    def test_nor_with_compression(self):
        self.under(Accept_Encoding="gzip")


if __name__ == "__main__":
    live.main()
