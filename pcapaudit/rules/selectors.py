"""What a rule can look at: one row for each expression of the language that reads something of a packet. Data.

A selector says its type, where its bits stand, and what the packet must be for it to be there at all: nftables puts a test of
the family and of the transport protocol in front of ``tcp dport``, and a rule whose header is not there does not match, with ``!=``
no more than with ``==``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pcapaudit.rules.datatypes import DATATYPES, Datatype

__all__ = [
    "CT_DIRECTED",
    "EXTENSION_HEADERS",
    "EXTENSION_NUMBERS",
    "SELECTORS",
    "TCP_OPTIONS",
    "TCP_OPTION_NUMBERS",
    "Selector",
    "exists",
    "extension_place",
    "free_selector",
    "option_place",
    "raw_payload",
]


@dataclass(frozen=True, slots=True)
class Selector:
    """One readable property of a packet."""

    #: How the language writes it, ``tcp dport``.
    text: str
    #: Name of its datatype.
    type_name: str
    #: ``link``, ``network``, ``transport`` for bits of a header; ``meta``, ``ct`` and others for what is not in the packet's bytes.
    base: str
    #: Bits from the start of the header to the first bit; 0 outside headers.
    offset: int = 0
    #: Width in bits.
    bits: int = 0
    #: 4 or 6 when the packet must be of that IP version, else 0.
    l3: int = 0
    #: Transport protocol that the packet must have, or None.
    proto: int | None = None

    @property
    def datatype(self) -> Datatype:
        """Type of the values it is compared with."""
        return DATATYPES[self.type_name]


def _header(name: str, base: str, needs: tuple[int, int | None], fields: str) -> Iterator[Selector]:
    """Selectors of one header from lines ``field type offset bits``."""
    for line in fields.strip().splitlines():
        field, type_name, offset, bits = line.split()
        yield Selector(f"{name} {field}", type_name, base, int(offset), int(bits), needs[0], needs[1])


def _meta(base: str, fields: str) -> Iterator[Selector]:
    for line in fields.strip().splitlines():
        field, type_name = line.split()
        yield Selector(f"{base} {field}", type_name, base, 0, DATATYPES[type_name].bits)


_PORTS = "sport inet_service 0 16\ndport inet_service 16 16"

_ALL = (
    *_header(
        "ip",
        "network",
        (4, None),
        """
version integer 0 4
hdrlength integer 4 4
dscp dscp 8 6
ecn ecn 14 2
length integer 16 16
id integer 32 16
frag-off integer 48 16
ttl integer 64 8
protocol inet_proto 72 8
checksum integer 80 16
saddr ipv4_addr 96 32
daddr ipv4_addr 128 32
""",
    ),
    *_header(
        "ip6",
        "network",
        (6, None),
        """
version integer 0 4
dscp dscp 4 6
ecn ecn 10 2
flowlabel integer 12 20
length integer 32 16
nexthdr inet_proto 48 8
hoplimit integer 56 8
saddr ipv6_addr 64 128
daddr ipv6_addr 192 128
""",
    ),
    *_header(
        "tcp",
        "transport",
        (0, 6),
        _PORTS
        + """
sequence integer 32 32
ackseq integer 64 32
doff integer 96 4
reserved integer 100 4
flags tcp_flag 104 8
window integer 112 16
checksum integer 128 16
urgptr integer 144 16
""",
    ),
    *_header("udp", "transport", (0, 17), _PORTS + "\nlength integer 32 16\nchecksum integer 48 16"),
    *_header("udplite", "transport", (0, 136), _PORTS + "\ncsumcov integer 32 16\nchecksum integer 48 16"),
    *_header("sctp", "transport", (0, 132), _PORTS + "\nvtag integer 32 32\nchecksum integer 64 32"),
    *_header("dccp", "transport", (0, 33), _PORTS),
    *_header("th", "transport", (0, None), _PORTS),
    *_header(
        "icmp",
        "transport",
        (4, 1),
        """
type icmp_type 0 8
code icmp_code 8 8
checksum integer 16 16
id integer 32 16
sequence integer 48 16
gateway integer 32 32
mtu integer 48 16
""",
    ),
    *_header(
        "icmpv6",
        "transport",
        (6, 58),
        """
type icmpv6_type 0 8
code icmpv6_code 8 8
checksum integer 16 16
parameter-problem integer 32 32
packet-too-big integer 32 32
id integer 32 16
sequence integer 48 16
max-delay integer 32 16
""",
    ),
    *_header("esp", "transport", (0, 50), "spi integer 0 32\nsequence integer 32 32"),
    *_header("ah", "transport", (0, 51), "nexthdr inet_proto 0 8\nhdrlength integer 8 8\nspi integer 32 32\nsequence integer 64 32"),
    *_header("comp", "transport", (0, 108), "nexthdr inet_proto 0 8\nflags integer 8 8\ncpi integer 16 16"),
    *_header("igmp", "transport", (4, 2), "type igmp_type 0 8\nmrt integer 8 8\nchecksum integer 16 16\ngroup integer 32 32"),
    *_header("gre", "transport", (0, 47), "flags integer 0 5\nversion integer 13 3\nprotocol ether_type 16 16"),
    *_header("ether", "link", (0, None), "daddr ether_addr 0 48\nsaddr ether_addr 48 48\ntype ether_type 96 16"),
    *_header("vlan", "tag", (0, None), "pcp integer 0 3\ndei integer 3 1\ncfi integer 3 1\nid integer 4 12\ntype ether_type 16 16"),
    *_header(
        "arp",
        "arp",
        (0, None),
        """
htype integer 0 16
ptype ether_type 16 16
hlen integer 32 8
plen integer 40 8
operation arp_op 48 16
""",
    ),
    *_meta(
        "meta",
        """
length integer
protocol ether_type
nfproto nf_proto
l4proto inet_proto
iif iface_index
oif iface_index
iifname ifname
oifname ifname
iiftype iface_type
oiftype iface_type
mark mark
skuid uid
skgid gid
pkttype pkt_type
cpu integer
iifgroup devgroup
oifgroup devgroup
cgroup integer
priority classid
random integer
time date
day day
hour hour
rtclassid realm
ibrname ifname
obrname ifname
ibrpvid integer
ibrvproto ether_type
iifkind ifname
oifkind ifname
broute boolean
sdif iface_index
sdifname ifname
secpath boolean
ipsec boolean
nftrace integer
""",
    ),
    *_meta("rt", "classid realm\nnexthop ipv6_addr\nmtu integer\nipsec boolean"),
    *_meta("socket", "transparent integer\nmark mark\nwildcard integer"),
    *_meta("osf", "name string\nversion string"),
    *_meta(
        "ct",
        """
state ct_state
direction ct_dir
status ct_status
mark mark
expiration time
helper string
label ct_label
l3proto nf_proto
protocol inet_proto
bytes integer
packets integer
avgpkt integer
zone integer
id integer
event integer
timeout string
""",
    ),
    *_meta("dccp", "type integer"),
)

#: text → Selector
SELECTORS: dict[str, Selector] = {each.text: each for each in _ALL}

#: Fields of ``ct original|reply FIELD`` and their types.
CT_DIRECTED = {
    "ip saddr": "ipv4_addr",
    "ip daddr": "ipv4_addr",
    "ip6 saddr": "ipv6_addr",
    "ip6 daddr": "ipv6_addr",
    "proto-src": "inet_service",
    "proto-dst": "inet_service",
    "l3proto": "nf_proto",
    "protocol": "inet_proto",
    "bytes": "integer",
    "packets": "integer",
    "avgpkt": "integer",
    "zone": "integer",
}
SELECTORS.update(
    (f"ct {side} {name}", Selector(f"ct {side} {name}", type_name, "ct", 0, DATATYPES[type_name].bits))
    for side in ("original", "reply")
    for name, type_name in CT_DIRECTED.items()
)

#: TCP option → its fields and their widths in bits.
TCP_OPTIONS: dict[str, dict[str, int]] = {
    "eol": {},
    "nop": {},
    "maxseg": {"length": 8, "size": 16},
    "window": {"length": 8, "count": 8},
    "sack-perm": {"length": 8},
    "sack-permitted": {"length": 8},
    "sack": {"length": 8, "left": 32, "right": 32},
    "sack0": {"length": 8, "left": 32, "right": 32},
    "sack1": {"length": 8, "left": 32, "right": 32},
    "sack2": {"length": 8, "left": 32, "right": 32},
    "sack3": {"length": 8, "left": 32, "right": 32},
    "timestamp": {"length": 8, "tsval": 32, "tsecr": 32},
    "fastopen": {"length": 8},
    "md5sig": {"length": 8},
    "mptcp": {"length": 8, "subtype": 4},
}

#: TCP option → its kind (RFC 9293 and IANA's list).
TCP_OPTION_NUMBERS = {
    "eol": 0,
    "nop": 1,
    "maxseg": 2,
    "window": 3,
    "sack-perm": 4,
    "sack-permitted": 4,
    "sack": 5,
    "sack0": 5,
    "sack1": 5,
    "sack2": 5,
    "sack3": 5,
    "timestamp": 8,
    "md5sig": 19,
    "mptcp": 30,
    "fastopen": 34,
}

#: IPv6 extension header → its number; rt0, rt2 and rt4 are routing headers of that type.
EXTENSION_NUMBERS = {"hbh": 0, "rt": 43, "rt0": 43, "rt2": 43, "rt4": 43, "frag": 44, "dst": 60, "mh": 135}
#: Field of an extension header → first bit and width.
_EXTENSION_PLACES = {
    "nexthdr": (0, 8),
    "hdrlength": (8, 8),
    "rt type": (16, 8),
    "rt seg-left": (24, 8),
    "rt4 last-entry": (32, 8),
    "rt4 flags": (40, 8),
    "rt4 tag": (48, 16),
    "mh type": (16, 8),
    "mh reserved": (24, 8),
    "mh checksum": (32, 16),
    "frag reserved": (8, 8),
    "frag frag-off": (16, 13),
    "frag more-fragments": (31, 1),
    "frag id": (32, 32),
}

#: IPv6 extension header → its fields and their types.
EXTENSION_HEADERS: dict[str, dict[str, str]] = {
    "hbh": {"nexthdr": "inet_proto", "hdrlength": "integer"},
    "dst": {"nexthdr": "inet_proto", "hdrlength": "integer"},
    "mh": {"nexthdr": "inet_proto", "hdrlength": "integer", "type": "integer", "reserved": "integer", "checksum": "integer"},
    "rt": {"nexthdr": "inet_proto", "hdrlength": "integer", "type": "integer", "seg-left": "integer"},
    "rt0": {"addr": "ipv6_addr"},
    "rt2": {"addr": "ipv6_addr"},
    "rt4": {"last-entry": "integer", "flags": "integer", "tag": "integer", "sid": "ipv6_addr"},
    "frag": {"nexthdr": "inet_proto", "reserved": "integer", "frag-off": "integer", "more-fragments": "integer", "id": "integer"},
}


def free_selector(text: str, type_name: str, base: str, needs: tuple[int, int | None] = (0, None)) -> Selector:
    """What no table lists: ``fib …``, ``tcp option …``, ``numgen …`` with whatever they are asked for."""
    return Selector(text, type_name, base, 0, DATATYPES[type_name].bits, needs[0], needs[1])


def exists(base: str, text: str) -> Selector:
    """``exthdr hbh``, ``tcp option sack``, ``fib daddr oif`` compared with ``exists`` or ``missing``."""
    needs = {"tcpopt": (0, 6), "exthdr": (6, None)}.get(base, (0, None))
    return free_selector(text, "boolean", base, needs)


def option_place(name: str, field: str) -> tuple[int, int] | None:
    """First bit and width of a TCP option's field."""
    at = 16 + (64 * int(name[4:]) if name.startswith("sack") and name[4:].isdecimal() else 0)
    for known, bits in TCP_OPTIONS.get(name, {"length": 8}).items():
        if known == "length":
            place = (8, bits)
        else:
            place, at = (at, bits), at + bits
        if known == field:
            return place
    return None


def extension_place(name: str, field: str) -> tuple[int, int] | None:
    """First bit and width of an extension header's field; None for what stands in a list of addresses."""
    return _EXTENSION_PLACES.get(f"{name} {field}", _EXTENSION_PLACES.get(field))


def raw_payload(base: str, offset: int, bits: int) -> Selector:
    """``@nh,OFFSET,BITS`` and its like: any bits of a header."""
    name = {"ll": "link", "nh": "network", "th": "transport", "ih": "inner"}[base]
    return Selector(f"@{base},{offset},{bits}", "integer", name, offset, bits)
