"""Control channels for tests: a TCP connection, said line by line, as packets of raw IP."""

from __future__ import annotations

import struct

from scenes import ip

__all__ = ["Talk", "ftp_session"]


class Talk:
    """A TCP connection between two ``"address:port"`` texts; each call adds a packet to ``packets``, a millisecond after the last."""

    def __init__(self, client, server, *, at=0.0, seq=1000):
        self.ends = [_end(client), _end(server)]
        self.next = [seq, 5000]
        self.at = at
        self.packets = []

    def open(self):
        """The three packets of the handshake."""
        self.send(0, flags=0x02)
        self.send(1, flags=0x12)
        self.send(0, flags=0x10)
        return self

    def send(self, side, data=b"", *, flags=0x18, seq=None):
        """A segment of the client (0) or the server (1); ``seq`` overrides the place in the stream, which then does not move."""
        place = self.next[side] if seq is None else seq
        self.packets.append((self.at, self.segment(side, data, flags, place)))
        self.at += 0.001
        if seq is None:
            self.next[side] += len(data) + (1 if flags & 0x03 else 0)
        return self

    def says(self, text):
        """The client says a line."""
        return self.send(0, text.encode("latin-1"))

    def answers(self, text):
        """The server answers a line."""
        return self.send(1, text.encode("latin-1"))

    def segment(self, side, data, flags, seq):
        """The bytes of a segment."""
        (source, sport), (target, dport) = self.ends[side], self.ends[1 - side]
        ack = self.next[1 - side] if flags & 0x10 else 0
        head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 60000, 0, 0)
        return ip(source, target, 6, head + data)


def _end(text):
    address, _, port = text.rpartition(":")
    return address.strip("[]"), int(port)


def ftp_session(*lines, client="10.0.0.1:3000", server="192.0.2.1:21", at=0.0):
    """Packets of a control channel that has said hello, then the client's and the server's lines in turn."""
    talk = Talk(client, server, at=at).open().answers("220 ready\r\n").says("USER a\r\n").answers("331 pw\r\n")
    for side, line in enumerate(lines):
        talk.send(side % 2, line.encode("latin-1"))
    return talk.packets
