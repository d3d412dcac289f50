"""Requests that are none, from a grammar: each gets one answer or none, and counts."""

import os
import random
import re
import socket
import sys
import unittest

from attack import FULL, expect_as_before, live, report, settled

COUNT = 10_000 if FULL else 600
SEED = int(os.environ.get("MEMORY_EXPORTER_SEED", "1"))

METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"G\0T", b"",
           b"GET" * 100, b"\xff\xfe", b"PRI", b"GET\t", b'"GET"', b"PROPFIND"]
PATHS = [b"/metrics", b"/", b"/-/healthy", b"/-/ready", b"/-/reload", b"//metrics", b"/./metrics",
         b"/../../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/%252e%252e%252fetc%252fpasswd",
         b"/metrics%00", b"/metrics?collect[]=meminfo", b"/metrics?collect%5B%5D=%00meminfo",
         b"/metrics?collect[]=<script>alert(1)</script>", b"/metrics?" + b"a=b&" * 1500,
         b"http://other.example/metrics", b"http:///metrics", b"*", b"metrics", b"/\xff\xfe\x80", b"/%",
         b"/%zz", b"\\metrics\\..\\..", b"/" + b"a" * 20_000, b"/metrics?" + b"%" * 3000,
         b"/%c0%ae%c0%ae/etc/passwd", b"?", b"/metrics%0d%0aX-Injected:%201",
         b"/?x=%0d%0aX-Injected:%201"]
VERSIONS = [b"HTTP/1.1"] * 8 + [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/", b"", b"http/1.1",
                                b"HTTP/9999999999999999.1", b"HTTP/-1.1", b"ICY/1.0"]
HEADERS = [b"Content-Length: -1", b"Content-Length: 18446744073709551616", b"Content-Length: 5",
           b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 0x10", b"Content-Length: ",
           b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nContent-Length: 3",
           b"Transfer-Encoding: gzip, chunked", b"Range: bytes=0-10", b"Expect: 100-continue",
           b"Host: other.example\r\nHost: b", b"Host:", b"Host: [::1]:80", b"Host: localhost",
           b"X-Prometheus-Scrape-Timeout-Seconds: nan", b"X-Prometheus-Scrape-Timeout-Seconds: 1e308",
           b"X-Prometheus-Scrape-Timeout-Seconds: -1", b"Accept: " + b"a/b;q=0.1," * 300,
           b'Accept: "\\', b"Accept-Encoding: gzip;q=1.5, *;q=0", b"X: " + b"y" * 7000,
           b"X: " + b"y" * 17_000, b": none", b"no colon", b" leading: space", b"X\0Y: z",
           b"Connection: keep-alive", b"Connection: upgrade\r\nUpgrade: websocket",
           b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk", b"Authorization: Basic " + b"QQ" * 300]
ENDS = [b"\r\n"] * 12 + [b"\n", b"\r", b"\n\r", b"\r\r\n"]
BODIES = [b"5\r\nhello\r\n0\r\n\r\n", b"hello", b"FFFFFFFFFFFFFFFF\r\n", b"-1\r\nx\r\n", b"\0" * 100,
          b"GET /metrics HTTP/1.1\r\n\r\n"]


def request(rand):
    kind = rand.random()
    if kind < 0.04:
        return rand.randbytes(rand.randrange(1, 2000))
    if kind < 0.05:
        return b"GET /metrics HTTP/1.1\r\nX: " + b"A" * (1 << 20) + b"\r\n\r\n"
    if kind < 0.06:
        return (b"GET /metrics HTTP/1.1\r\n" +
                b"".join(b"H%d: v\r\n" % i for i in range(rand.choice([64, 65, 2000]))) + b"\r\n")
    end = rand.choice(ENDS)
    line = (rand.choice(METHODS if rand.random() < 0.4 else METHODS[:3]) + b" " + rand.choice(PATHS) +
            b" " + rand.choice(VERSIONS))
    text = line + end + b"".join(rand.choice(HEADERS) + end for _ in range(rand.randrange(5))) + end
    if rand.random() < 0.4:
        text += rand.choice(BODIES)
    if rand.random() < 0.05:
        at = rand.randrange(len(text))
        text = text[:at] + rand.randbytes(1) + text[at + 1:]
    if rand.random() < 0.05:
        text = text[:rand.randrange(1, len(text))]
    return text


def answer(port, text):
    """All that comes back, with the request's side closed; None where the connection was cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        got = bytearray()
        try:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            while block := client.recv(65536):
                got += block
        except TimeoutError:
            raise
        except OSError:
            return bytes(got) or None
        return bytes(got)


class HttpGrammar(unittest.TestCase):
    def expect_one_reply(self, text, reply):
        head, _, body = reply.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"\AHTTP/1\.1 \d{3} ")
        self.assertNotIn(b"x-injected", head.lower())
        self.assertNotIn(b"root:", body)
        self.assertIsNone(re.search(rb"\nHTTP/1\.1 \d", reply), "two replies")
        if b"text/html" in head.lower():
            self.assertNotIn(b"<script>alert", body)
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
        if not text.startswith(b"HEAD"):
            self.assertEqual(len(body), length)
        return head.split()[1].decode()

    def test_each_is_answered_once_and_counted(self):
        print(f"seed {SEED}", file=sys.stderr)
        rand = random.Random(SEED)
        codes = {}
        with live.Daemon() as daemon:
            before = settled(daemon)
            counted = daemon.metrics().sum("memory_exporter_http_requests_total")
            for _ in range(COUNT):
                text = request(rand)
                reply = answer(daemon.port, text)
                code = "none"
                if reply:
                    with self.subTest(request=text[:200]):
                        code = self.expect_one_reply(text, reply)
                codes[code] = codes.get(code, 0) + 1
            answered = sum(count for code, count in codes.items() if code != "none")
            grown = daemon.metrics().sum("memory_exporter_http_requests_total") - counted
            after = expect_as_before(self, daemon, before)
            log = daemon.log
        report(f"{COUNT:,} requests of the grammar", codes=codes, counted=int(grown),
               **{"RSS before and after": f"{before}; {after}"})
        self.assertGreaterEqual(grown, answered)
        self.assertGreater(codes["200"], 0)
        self.assertGreater(codes["431"], 0)
        self.assertLess(len(log), 20_000)


if __name__ == "__main__":
    live.main()
