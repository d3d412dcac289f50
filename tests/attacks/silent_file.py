"""A filesystem with one file, "file", of which no page can be read until standard input ends.

    silent_file.py FOLDER

mounts itself on FOLDER and says so. Who opens the file to append has it without the page cache. Needs
root and /dev/fuse."""

import ctypes
import errno
import os
import select
import struct
import sys

# include/uapi/linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, BATCH_FORGET = (
    1, 2, 3, 14, 15, 18, 25, 26, 27, 42)
DIRECT_IO, KEEP_CACHE = 1, 2
ROOT, FILE = 1, 2
SIZE = 1 << 20
FOR_LONG = 100  # seconds that the kernel may believe an attribute


class Server:
    def __init__(self, folder):
        self.device = os.open("/dev/fuse", os.O_RDWR)
        self.waiting = []  # (request, size) of reads
        self.silent = True
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"silent_file", folder.encode(), b"fuse", 0, options.encode()) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))

    @staticmethod
    def attributes(node):
        mode, links, size = (0o40755, 2, 0) if node == ROOT else (0o100666, 1, SIZE)
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, links,
                           0, 0, 0, 4096, 0)

    def reply(self, unique, data=b"", error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except OSError as failed:
            if failed.errno != errno.ENOENT:  # whoever asked was killed
                raise

    def speak(self):
        self.silent = False
        for unique, size in self.waiting:
            self.reply(unique, bytes(size))
        self.waiting.clear()

    def answer(self, request):
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        body = request[40:]
        if operation == INIT:
            self.reply(unique, struct.pack("<4I2H2I2HI", 7, 31, 65536, 0, 12, 10, 65536, 1, 0, 0, 0) +
                       bytes(28))
        elif operation == LOOKUP and body.rstrip(b"\0") == b"file":
            self.reply(unique, struct.pack("<4Q2I", FILE, 0, FOR_LONG, FOR_LONG, 0, 0) +
                       self.attributes(FILE))
        elif operation == LOOKUP:
            self.reply(unique, error=errno.ENOENT)
        elif operation == GETATTR:
            self.reply(unique, struct.pack("<Q2I", FOR_LONG, 0, 0) + self.attributes(node))
        elif operation in (OPEN, OPENDIR):
            appends = operation == OPEN and struct.unpack_from("<I", body)[0] & os.O_APPEND
            self.reply(unique, struct.pack("<Q2I", 1, KEEP_CACHE | (DIRECT_IO if appends else 0), 0))
        elif operation == READ:
            size = struct.unpack_from("<QQI", body)[2]
            if self.silent:
                self.waiting.append((unique, size))
            else:
                self.reply(unique, bytes(size))
        elif operation in (RELEASE, FLUSH):
            self.reply(unique)
        elif operation not in (FORGET, BATCH_FORGET):
            self.reply(unique, error=errno.ENOSYS)

    def run(self):
        sources = [self.device, sys.stdin]
        while True:
            readable, _, _ = select.select(sources, [], [])
            if sys.stdin in readable:
                sources.remove(sys.stdin)
                self.speak()
            if self.device in readable:
                try:
                    self.answer(os.read(self.device, 1 << 20))
                except OSError as failed:
                    if failed.errno == errno.ENODEV:  # unmounted
                        return
                    if failed.errno not in (errno.EINTR, errno.ENOENT):
                        raise


if __name__ == "__main__":
    server = Server(sys.argv[1])
    print("mounted", flush=True)
    server.run()
