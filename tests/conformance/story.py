"""What the stories are told with: a story collects packets by time, a ``Talk`` is one TCP connection with its own clock.

Times are whole milliseconds, so that the kernel's jiffies and the engine's nanoseconds cannot disagree about the edge of a time-out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kernel_facts import Setup
from raw_packets import ACK, FIN, PSH, RST, SYN, tcp

__all__ = ["CLIENT", "SERVER", "STORIES", "Story", "Talk", "story"]

CLIENT, SERVER = 0, 1
MSS, SACK_OK = b"\2\4\5\xb4", b"\4\2"
STRICT = "ct state invalid drop"


def wscale(shift: int) -> bytes:
    """The window scale option."""
    return b"\3\3" + bytes([shift])


@dataclass
class Story:
    """A capture in the making."""

    name: str
    text: str
    setup: Setup
    #: (milliseconds, packet), in the order of telling.
    told: list[tuple[int, bytes]] = field(default_factory=list)

    def add(self, at: int, packet: bytes) -> None:
        """A packet at a time."""
        self.told.append((at, packet))

    def packets(self) -> list[tuple[int, bytes]]:
        """In the order of time."""
        return sorted(self.told, key=lambda item: item[0])


STORIES: dict[str, Story] = {}


def story(rules: str = STRICT, *sysctls: str) -> Callable[[Callable[[Story], None]], Callable[[Story], None]]:
    """Tell the decorated function's story now, under the name of the function."""

    def tell(function: Callable[[Story], None]) -> Callable[[Story], None]:
        made = Story(function.__name__.replace("_", "-"), " ".join((function.__doc__ or "").split()), Setup(rules, sysctls))
        function(made)
        STORIES[made.name] = made
        return function

    return tell


class Talk:
    """One TCP connection from 10.0.0.1 to 192.0.2.1:80 (or the same over IPv6). Each segment takes a millisecond."""

    def __init__(self, told: Story, port: int, *, isn: tuple[int, int] = (1000, 5000), start: int = 0, six: bool = False) -> None:
        self.told, self.now = told, start
        self.ends = (("2001:db8::1", port), ("2001:db8:1::1", 80)) if six else (("10.0.0.1", port), ("192.0.2.1", 80))
        self.first = isn
        self.next = list(isn)
        self.win = [65535, 65535]
        self.options = [MSS, MSS]

    def wait(self, seconds: float) -> Talk:
        """Silence."""
        self.now += round(1000 * seconds)
        return self

    def say(self, who: int, flags: int, size: int = 0, **odd) -> bytes:
        """A segment. Odd ``seq``, ``ack``, ``win``, ``options`` as given; an odd ``seq`` advances nothing."""
        seq = odd.get("seq", self.next[who])
        ack = odd.get("ack", self.next[1 - who] if flags & ACK else 0)
        options = odd.get("options", self.options[who] if flags & SYN else b"")
        packet = tcp(
            self.ends[who], self.ends[1 - who], flags, seq, ack, win=odd.get("win", self.win[who]), data=bytes(size), options=options
        )
        if "seq" not in odd:
            self.next[who] = (seq + size + bool(flags & SYN) + bool(flags & FIN)) & 0xFFFFFFFF
        self.told.add(self.now, packet)
        self.now += 1
        return packet

    def syn(self) -> Talk:
        """The first SYN."""
        self.say(CLIENT, SYN)
        return self

    def synack(self) -> Talk:
        """SYN and SYN-ACK."""
        self.syn().say(SERVER, SYN | ACK)
        return self

    def open(self) -> Talk:
        """The three-way handshake."""
        self.synack().say(CLIENT, ACK)
        return self

    def data(self, who: int, size: int = 100) -> Talk:
        """Data, acknowledged."""
        self.say(who, PSH | ACK, size)
        self.say(1 - who, ACK)
        return self

    def fin(self, who: int) -> Talk:
        """A FIN."""
        self.say(who, FIN | ACK)
        return self

    def rst(self, who: int) -> Talk:
        """An exact RST."""
        self.say(who, RST)
        return self
