"""Clients send their head byte by byte, or nothing at all, and come again when they are cut off."""

import unittest

from attack import FULL, Clients, attack, live, look_for_end


def drip(client):
    look_for_end(client)
    client.send(b"b")


class SlowHeads(unittest.TestCase):
    def under(self, count, seconds, begin, go_on, name):
        with live.Daemon() as daemon:
            attack(self, name, daemon,
                   lambda: Clients(daemon.port, count, begin, go_on), seconds)

    def test_no_scrape_is_lost_to_a_hundred_that_drip(self):
        self.under(100, 30 if FULL else 4, lambda client: client.send(b"GET /metrics HTTP/1.1\r\nX: "),
                   drip, "100 slow heads")

    @unittest.skipUnless(FULL, "takes half a minute")
    def test_nor_to_a_thousand(self):
        self.under(1000, 30, lambda client: client.send(b"GET /metrics HTTP/1.1\r\nX: "), drip,
                   "1,000 slow heads")

    @unittest.skipUnless(FULL, "takes half a minute")
    def test_nor_to_a_hundred_that_say_nothing(self):
        self.under(100, 30, look_for_end, look_for_end, "100 silent clients")


if __name__ == "__main__":
    live.main()
