"""A filesystem with one executable, served by this script until it is told to be dead: then it
answers nothing more, as an NFS server that is gone. Whoever asks it waits in the kernel.

    dead_server.py FOLDER EXECUTABLE

mounts itself on FOLDER with a copy of EXECUTABLE as "program", and says so. SIGUSR2: dead;
SIGUSR1: answers again, what was asked meanwhile first. Needs root and /dev/fuse."""

import ctypes
import errno
import os
import select
import signal
import struct
import sys

# include/uapi/linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, BATCH_FORGET = (
    1, 2, 3, 14, 15, 18, 25, 26, 27, 42)
SILENT = (FORGET, BATCH_FORGET)  # nobody waits for an answer to these
ROOT, PROGRAM = 1, 2


class Server:
    def __init__(self, folder, content):
        self.content = content
        self.dead = False
        self.unanswered = []
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"dead_server", folder.encode(), b"fuse", 0, options.encode()) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))

    def attributes(self, node):
        size = 0 if node == ROOT else len(self.content)
        mode, links = (0o40755, 2) if node == ROOT else (0o100755, 1)
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, links,
                           0, 0, 0, 4096, 0)

    def answer(self, request):
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        body = request[40:]
        if operation == INIT:
            data = struct.pack("<4I2H2I2HI", 7, 31, 65536, 0, 12, 10, 65536, 1, 0, 0, 0) + bytes(28)
        elif operation == LOOKUP and body.rstrip(b"\0") == b"program":
            data = struct.pack("<4Q2I", PROGRAM, 0, 0, 0, 0, 0) + self.attributes(PROGRAM)
        elif operation == LOOKUP:
            return self.reply(unique, b"", errno.ENOENT)
        elif operation == GETATTR:
            data = struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)  # valid for no time
        elif operation in (OPEN, OPENDIR):
            data = struct.pack("<Q2I", 0, 2, 0)  # keep the page cache
        elif operation == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = self.content[offset:offset + size]
        elif operation in (RELEASE, FLUSH):
            data = b""
        else:
            return self.reply(unique, b"", errno.ENOSYS)
        return self.reply(unique, data)

    def reply(self, unique, data, error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except OSError as failed:
            if failed.errno != errno.ENOENT:  # whoever asked was killed
                raise

    def run(self):
        while True:
            readable, _, _ = select.select([self.device], [], [], 0.05)
            if not self.dead:
                for request in self.unanswered:
                    self.answer(request)
                self.unanswered.clear()
            if not readable:
                continue
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as failed:
                if failed.errno == errno.ENODEV:  # unmounted
                    return
                continue
            if struct.unpack_from("<I", request, 4)[0] in SILENT:
                continue
            self.unanswered.append(request)


def main():
    folder, executable = sys.argv[1:]
    with open(executable, "rb") as file:
        server = Server(folder, file.read())
    signal.signal(signal.SIGUSR1, lambda *_: setattr(server, "dead", False))
    signal.signal(signal.SIGUSR2, lambda *_: setattr(server, "dead", True))
    print("mounted", flush=True)
    server.run()


if __name__ == "__main__":
    main()
