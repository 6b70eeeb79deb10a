"""Reads scenario scripts: one line a packet, with what the engine must say of it on that same line.

::

    # A comment; the first ones tell the story.
    rules inside-out            (or accept, drop; default accept)
    timeout udp.stream 10s      (any number of these; also: sysctl tcp_loose 0)
    # time  dir  segment                          ct state     tcp state    verdict  reason
    0.000   >    S  0:0(0) win 65535              new          syn_sent     accept
    0.010   <    S. 0:0(0) ack 1 win 65535        established  syn_recv     accept

``>`` is from inside (10.0.0.1:40000) to outside (192.0.2.1:80), ``<`` the other way. A TCP segment is flags, first:last(length), and then
any of ``ack N``, ``win N``, ``wscale N``, ``sackok``, ``sack LEFT-RIGHT``. Numbers count from each side's initial one, 1000 and 5000.
``udp LENGTH`` is a datagram; ``icmp TYPE CODE`` an ICMP message with identifier 1, ``icmp TYPE CODE about N`` an error about packet N.
The tcp state and the reason are ``-`` for none; the reason may be left out.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from scenes import ACCEPT_ALL, DROP_ALL, INSIDE_OUT, icmp, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig

__all__ = ["Script", "read_script"]

_INSIDE, _OUTSIDE = "10.0.0.1", "192.0.2.1"
_PORTS = {">": (f"{_INSIDE}:40000", f"{_OUTSIDE}:80"), "<": (f"{_OUTSIDE}:80", f"{_INSIDE}:40000")}
_FIRST = {">": 1000, "<": 5000}
_RULES = {"accept": ACCEPT_ALL, "drop": DROP_ALL, "inside-out": INSIDE_OUT}
_SEGMENT = re.compile(r"(?P<flags>[FSRPUEC.]+|-)\s+(?P<first>-?\d+):(?P<last>-?\d+)\((?P<length>\d+)\)(?P<rest>.*)")
_RESTS = re.compile(r"(ack|win|wscale) (-?\d+)|(sackok)|sack (-?\d+)-(-?\d+)")


@dataclass
class Script:
    """A scenario."""

    #: Ruleset text.
    rules: str
    #: Time-outs and switches.
    config: ConntrackConfig
    #: (seconds, packet) of each line.
    packets: list
    #: The words expected of each line: ct state, tcp state, verdict, reason.
    expected: list
    #: (line number, text) of each packet.
    lines: list


def read_script(path: Path) -> Script:
    """The scenario of a file. ValueError names the line that cannot be read."""
    script = Script(ACCEPT_ALL, ConntrackConfig(), [], [], [])
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            if words[0] == "rules":
                script.rules = _RULES[words[1]]
            elif words[0] == "timeout":
                script.config = script.config.with_timeout(words[1], words[2])
            elif words[0] == "sysctl":
                script.config = script.config.with_sysctl(words[1], words[2])
            else:
                _packet(script, line)
        except (KeyError, IndexError, AttributeError, ValueError) as error:
            raise ValueError(f"{path.name}:{number}: {line.strip()}: {error!r}") from error
        if words[0][0].isdigit():
            script.lines.append((number, line.strip()))
    return script


def _packet(script: Script, line: str) -> None:
    time, way, rest = line.split(None, 2)
    segment, *expected = re.split(r"\s{2,}", rest.strip())
    if not _SEGMENT.fullmatch(segment) and _SEGMENT.match(f"{segment} {expected[0]}"):
        # Two blanks may stand between flags and numbers.
        segment, *expected = f"{segment} {expected[0]}", *expected[1:]
    script.packets.append((float(time), _bytes(script, way, segment)))
    state, tcp_state, verdict, *reason = expected
    script.expected.append((state, tcp_state, verdict, reason[0] if reason else "-"))


def _bytes(script: Script, way: str, segment: str) -> bytes:
    words = segment.split()
    if words[0] == "udp":
        return udp(*_PORTS[way], data=bytes(int(words[1])))
    if words[0] == "icmp":
        ends = (_INSIDE, _OUTSIDE) if way == ">" else (_OUTSIDE, _INSIDE)
        quoted = script.packets[int(words[4]) - 1][1] if "about" in words else b""
        return icmp(*ends, int(words[1]), int(words[2]), data=quoted)
    found = _SEGMENT.fullmatch(segment)
    mine, other = _FIRST[way], _FIRST["<" if way == ">" else ">"]
    values, options = {"ack": None, "win": 65535}, b""
    for name, value, sackok, left, right in _RESTS.findall(found["rest"]):
        if name == "wscale":
            options += struct.pack("!BBBB", 3, 3, int(value), 1)
        elif name:
            values[name] = int(value)
        elif sackok:
            options += b"\4\2\1\1"
        else:
            options += struct.pack("!BBBBII", 1, 1, 5, 10, (other + int(left)) & 0xFFFFFFFF, (other + int(right)) & 0xFFFFFFFF)
    ack = 0 if values["ack"] is None else other + values["ack"]
    flags = "" if found["flags"] == "-" else found["flags"]
    return tcp(*_PORTS[way], flags, mine + int(found["first"]), ack, data=int(found["length"]), win=values["win"], options=options)
