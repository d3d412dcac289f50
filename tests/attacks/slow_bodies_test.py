"""Clients announce a body and send a byte of it a second: no thread waits for what nobody reads."""

import unittest

from attack import FULL, Clients, attack, live, look_for_end

HEAD = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000000\r\n\r\nx"


def drip(client):
    look_for_end(client)
    client.send(b"x")


class SlowBodies(unittest.TestCase):
    def test_scrapes_are_answered_meanwhile(self):
        def act():
            return Clients(daemon.port, 100, lambda client: client.send(HEAD), drip, pause=1)
        with live.Daemon() as daemon:
            attack(self, "100 slow bodies", daemon, act, 30 if FULL else 4)


if __name__ == "__main__":
    live.main()
