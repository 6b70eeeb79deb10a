"""A TCP connection made by hand, from inside to a server, for detectors of what does not belong into it."""

from __future__ import annotations

from scenes import ip, tcp

__all__ = ["CLIENT", "SERVER", "close", "handshake", "segment"]

CLIENT, SERVER = "10.0.0.1:40000", "198.51.100.1:80"
STAMPS = b"\x01\x01\x08\x0a" + bytes(8)
#: What both have sent after the handshake.
C, S = 1001, 5001


def handshake(at=0.0, client=CLIENT):
    """Three packets; the client goes on at 1001, the server at 5001."""
    return [
        (at, tcp(client, SERVER, "S", 1000, options=b"\x02\x04\x05\xb4", win=64240)),
        (at + 0.01, tcp(SERVER, client, "SA", 5000, 1001, options=b"\x02\x04\x05\xb4", win=65160)),
        (at + 0.02, tcp(client, SERVER, "A", 1001, 5001, win=64240, options=STAMPS)),
    ]


def segment(src, dst, flags, seq, ack, data=b"", *, ttl=64, stamps=True):
    """A segment with these very bytes."""
    made = tcp(src, dst, flags, seq, ack, win=64240, options=STAMPS if stamps else b"")
    offset = (made[32] >> 4) * 4
    payload = made[20 : 20 + offset] + data
    source, target = (text.rpartition(":")[0] for text in (src, dst))
    return ip(source, target, 6, payload, ttl=ttl)


def close(at, client, server):
    """Both ends close in good order; they have sent up to these numbers."""
    return [
        (at, segment(CLIENT, SERVER, "FA", client, server)),
        (at + 0.01, segment(SERVER, CLIENT, "FA", server, client + 1)),
        (at + 0.02, segment(CLIENT, SERVER, "A", client + 1, server + 1)),
    ]
