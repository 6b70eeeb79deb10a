"""Netlink messages of the netfilter subsystems, as much as is needed: attributes written and read, one socket.

Layout: a message is ``struct nlmsghdr`` (16 bytes, host order), ``struct nfgenmsg`` (family, version, resource number in network order)
and attributes; an attribute is length and type (host order) and its value, filled up to a multiple of four (linux/netlink.h).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ACK", "ERROR", "REQUEST", "Message", "NetfilterSocket", "attribute", "attributes", "message", "messages", "nested"]

#: NLM_F_REQUEST, NLM_F_ACK; type of an answer that is an error number.
REQUEST, ACK, ERROR = 0x01, 0x04, 2

_HEADER = struct.Struct("=IHHII")
_FAMILY = struct.Struct("!BBH")
_ATTRIBUTE = struct.Struct("=HH")
_NESTED, _TYPE_MASK = 0x8000, 0x3FFF
_NETLINK_NETFILTER = 12
_SO_RCVBUFFORCE = 33
_RECEIVE_BYTES = 32 << 20
_AT_ONCE = 1 << 17


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the kernel."""

    #: Subsystem << 8 | message, or ERROR.
    kind: int
    #: Number of the request that it answers; 0 when nobody asked.
    sequence: int
    #: ERROR: the error number, positive; 0 for success.
    error: int
    #: Attribute type → value; of equal ones the last.
    values: dict[int, bytes]


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *inner: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(inner))


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes in ``data``; what does not fit ends them."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < 4 or at + length > len(data):
            break
        found[kind & _TYPE_MASK] = data[at + 4 : at + length]
        at += length + 3 & ~3
    return found


def message(kind: int, flags: int, sequence: int, family: int, body: bytes = b"", resource: int = 0) -> bytes:  # the header's fields
    """A request: ``family`` is AF_INET, AF_INET6 or AF_UNSPEC; ``resource`` a group number of NFLOG."""
    whole = _FAMILY.pack(family, 0, resource) + body
    return _HEADER.pack(_HEADER.size + len(whole), kind, flags, sequence, 0) + whole


def messages(data: bytes) -> Iterator[Message]:
    """The messages of one datagram from the kernel; what does not fit ends them."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        body = data[at + _HEADER.size : at + length]
        if kind == ERROR:
            yield Message(kind, sequence, -struct.unpack_from("=i", body)[0] if len(body) >= 4 else errno.EBADMSG, {})
        else:
            yield Message(kind, sequence, 0, attributes(body[_FAMILY.size :]))
        at += length + 3 & ~3


class NetfilterSocket:
    """A netlink socket to the netfilter of the network namespace in which it is made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, kind: int, flags: int, family: int, body: bytes = b"", resource: int = 0) -> int:
        """Send a request; returns its number."""
        self._sequence += 1
        self._socket.send(message(kind, flags | REQUEST, self._sequence, family, body, resource))
        return self._sequence

    def command(self, kind: int, family: int, body: bytes, resource: int = 0) -> None:
        """Send a request and wait for its success. Raises OSError."""
        sequence = self.send(kind, ACK, family, body, resource)
        while True:
            for answer in messages(self._socket.recv(_AT_ONCE)):
                if answer.sequence == sequence and answer.kind == ERROR:
                    if answer.error:
                        raise OSError(answer.error, os.strerror(answer.error))
                    return

    def drain(self) -> Iterator[Message]:
        """Everything that waits. Raises OSError (ENOBUFS) when the kernel had to throw messages away."""
        while True:
            try:
                data = self._socket.recv(_AT_ONCE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            yield from messages(data)
