"""Clients ask for large replies and hardly read them, or not at all, in the memory of the unit."""

import contextlib
import socket
import tempfile
import threading
import time
import unittest

from attack import FULL, MIB, Clients, Crowd, Scraper, attack, live, memory_of_the_unit

GROUPS = 2000 if FULL else 500
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.contextmanager
def daemon_of_many_groups():
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file, memory_of_the_unit() as wrapper:
        file.write("max_groups: 5000\n")
        file.flush()
        with Crowd("sleep", GROUPS), \
                live.Daemon(f"--config.file={file.name}", wrapper=wrapper) as daemon:
            yield daemon


def read_a_little(client):
    if client.recv(200) == b"":
        raise ConnectionResetError


class SlowReaders(unittest.TestCase):
    def test_60_at_a_kilobyte_a_second_keep_nobody_waiting(self):
        with daemon_of_many_groups() as daemon:
            attack(self, f"60 slow readers of {GROUPS:,} groups", daemon,
                   lambda: Clients(daemon.port, 60, lambda client: client.send(REQUEST),
                                   read_a_little), 30 if FULL else 5)

    @unittest.skipUnless(FULL, "takes half a minute")
    def test_60_that_read_nothing_take_a_bounded_amount_of_memory(self):
        with daemon_of_many_groups() as daemon:
            attack(self, f"60 that do not read {GROUPS:,} groups", daemon,
                   lambda: Clients(daemon.port, 60, lambda client: client.send(REQUEST),
                                   lambda client: client.send(b"")), 30)

    def test_a_steady_reader_gets_all_of_it(self):
        """At 500 kB a second, beside 60 that ask for more threads than there are."""
        sizes = []

        def read_steadily(port):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                client.sendall(REQUEST)
                size, head = 0, b""
                while block := client.recv(50_000):
                    head = head or block
                    size += len(block)
                    time.sleep(len(block) / 500_000)
                length = int(head.lower().partition(b"content-length: ")[2].split()[0])
                sizes.append((size - head.index(b"\r\n\r\n") - 4, length))

        with daemon_of_many_groups() as daemon, \
                Clients(daemon.port, 60, lambda client: client.send(REQUEST), read_a_little):
            reader = threading.Thread(target=read_steadily, args=[daemon.port])
            reader.start()
            reader.join()
        self.assertEqual(len(sizes), 1)
        size, length = sizes[0]
        self.assertEqual(size, length)
        self.assertGreater(length, MIB)


class ManyScrapers(unittest.TestCase):
    def test_24_of_large_replies_fit_into_the_memory(self):
        def scrapers():
            stack = contextlib.ExitStack()
            others = [stack.enter_context(Scraper(daemon.port, 0.2)) for _ in range(24)]
            stack.callback(lambda: self.assertEqual([each.lost for each in others if each.lost], []))
            return stack
        with daemon_of_many_groups() as daemon:
            attack(self, f"24 scrapers of {GROUPS:,} groups", daemon, scrapers, 20 if FULL else 5)


if __name__ == "__main__":
    live.main()
