"""Services by the names that people use for them, and the words in which a policy file tells of others: ``tcp 8443``, ``udp 5000-5100``.

Not ``tables.SERVICES``: that table has names for ports, this one says which protocols a service needs.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pcapaudit.rules.datatypes import DATATYPES

__all__ = ["HELPERS", "KNOWN_SERVICES", "PORT_PROTOCOLS", "PolicyWordError", "Service", "near", "parse_services"]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
#: Protocols with ports and the selector of their destination port.
PORT_PROTOCOLS = {TCP: "tcp dport", UDP: "udp dport", 132: "sctp dport", 136: "udplite dport", 33: "dccp dport"}
#: Services whose data connections only a helper makes known to conntrack: (protocol, port) → the helper's name.
HELPERS = {(TCP, 21): "ftp", (UDP, 69): "tftp"}
_TYPES = {ICMP: "icmp_type", ICMPV6: "icmpv6_type"}
_PORTS = re.compile(r"(\w[\w-]*?)(?:-(\d+))?")


class PolicyWordError(Exception):
    """Words that make no sense; the reader turns it into a Diagnostic."""

    def __init__(self, message: str, advice: str = "", word: str = "") -> None:
        super().__init__(message)
        self.message, self.advice = message, advice
        #: The word that is wrong, to be underlined; empty for all of the text.
        self.word = word


@dataclass(frozen=True, slots=True)
class Service:
    """One protocol and what of it is meant."""

    #: Protocol number; None for every packet.
    proto: int | None
    #: Destination ports, or ICMP types, from here …
    first: int | None = None
    #: … to here; None for all.
    last: int | None = None


def near(word: str, known: Iterable[str]) -> str:
    """``did you mean "wan"?`` or nothing. Names here are short, so less must agree than in nftables text."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f'did you mean "{close[0]}"?' if close else ""


def parse_services(text: str, known: Mapping[str, tuple[Service, ...]]) -> tuple[Service, ...]:
    """``dns, tcp 80, 443, ping``: a number alone belongs to the protocol before it. Raises PolicyWordError."""
    found: list[Service] = []
    proto: int | None = None
    for item in text.split(","):
        words = item.replace("/", " ").split()
        if len(words) == 2 and words[0][0].isdecimal():  # 443/tcp
            words.reverse()
        if not words:
            raise PolicyWordError("a service is missing", "write for example: dns, tcp 443")
        if len(words) > 2:
            raise PolicyWordError(f'"{item.strip()}" is no service', "separate services by commas", item.strip())
        if len(words) == 1 and not words[0][0].isdecimal():
            services = known.get(words[0]) or (_whole_protocol(words[0], known),)
            found.extend(services)
            proto = services[0].proto if words[0] not in known else None
            continue
        if len(words) == 2:
            proto = _protocol(words[0], known)
        elif proto is None:
            raise PolicyWordError(f"port {words[0]} of which protocol?", f"write: tcp {words[0]}, or udp {words[0]}", words[0])
        found.append(_part(proto, words[-1]))
    return tuple(dict.fromkeys(found))


def _whole_protocol(word: str, known: Mapping[str, tuple[Service, ...]]) -> Service:
    number = DATATYPES["inet_proto"].symbols.get(word)
    if number is None:
        advice = near(word, [*known, *_PROTOCOL_NAMES]) or "name it in [services], or write for example: tcp 8443"
        raise PolicyWordError(f'no service is called "{word}"', advice, word)
    return Service(number)


_PROTOCOL_NAMES = ("tcp", "udp", "icmp", "icmpv6", "esp", "ah", "gre", "sctp")


def _protocol(word: str, known: Mapping[str, tuple[Service, ...]]) -> int:
    number = _whole_protocol(word, known).proto if word not in known or word in _PROTOCOL_NAMES else None
    if number is None:
        raise PolicyWordError(f"{word} is a service: nothing stands behind it but a comma", "", word)
    return number


def _part(proto: int, word: str) -> Service:
    """``tcp 443``, ``udp 5000-5100``, ``tcp ssh``, ``icmp echo-request``."""
    if proto in _TYPES:
        number = DATATYPES[_TYPES[proto]].parse(word)
        if number is None:
            known = DATATYPES[_TYPES[proto]].symbols
            raise PolicyWordError(f'no ICMP message is called "{word}"', near(word, known) or f"one of: {', '.join(known)}", word)
        return Service(proto, number, number)
    if proto not in PORT_PROTOCOLS:
        raise PolicyWordError(f"this protocol has no ports: {word}", f"remove {word}", word)
    ports = DATATYPES["inet_service"]
    first = ports.parse(word)
    last = first
    if first is None and (parts := _PORTS.fullmatch(word)) and parts[2]:
        first, last = ports.parse(parts[1]), ports.parse(parts[2])
    if first is None or last is None:
        raise PolicyWordError(f'"{word}" is no port', near(word, ports.symbols) or "a number from 0 to 65535, or a range", word)
    if first > last:
        raise PolicyWordError(f"the range {word} ends before it begins", f"write: {last}-{first}", word)
    return Service(proto, first, last)


_TABLE = """
bgp          tcp 179
dhcp         udp 67-68
dhcpv6       udp 546-547
dns          udp 53, tcp 53
dns-over-tls tcp 853
ftp          tcp 21
git          tcp 9418
http         tcp 80
https        tcp 443
http3        udp 443
imap         tcp 143
imaps        tcp 993
ipp          tcp 631
ipsec        udp 500, 4500, esp
kerberos     tcp 88, udp 88
ldap         tcp 389, udp 389
ldaps        tcp 636
mdns         udp 5353
mqtt         tcp 1883
mqtts        tcp 8883
mysql        tcp 3306
netbios      udp 137-138, tcp 139
nfs          tcp 2049
ntp          udp 123
openvpn      udp 1194, tcp 1194
ping         icmp echo-request, icmpv6 echo-request
pop3         tcp 110
pop3s        tcp 995
postgresql   tcp 5432
rdp          tcp 3389, udp 3389
rsync        tcp 873
sip          udp 5060, tcp 5060-5061
smb          tcp 445
smtp         tcp 25
smtps        tcp 465
snmp         udp 161
ssh          tcp 22
stun         udp 3478, tcp 3478
submission   tcp 587
syslog       udp 514
telnet       tcp 23
tftp         udp 69
traceroute   udp 33434-33534
vnc          tcp 5900-5903
whois        tcp 43
wireguard    udp 51820
"""
#: Name → what it needs. IANA's port numbers (for traceroute the ports that the program counts up from).
KNOWN_SERVICES: dict[str, tuple[Service, ...]] = {
    "all": (Service(None),),
    **{name: parse_services(words, {}) for name, words in (line.split(maxsplit=1) for line in _TABLE.strip().splitlines())},
}
