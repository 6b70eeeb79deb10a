"""The table of selectors: types exist, bits lie within their headers, and nft says the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise

import pytest

from pcapaudit.rules.datatypes import DATATYPES
from pcapaudit.rules.selectors import CT_DIRECTED, SELECTORS, raw_payload

#: Bits of the fixed part of each header.
HEADERS = {
    name: int(bits)
    for name, bits in (
        pair.split(":")
        for pair in [
            "ip:160",
            "ip6:320",
            "tcp:160",
            "udp:64",
            "udplite:64",
            "sctp:96",
            "dccp:96",
            "th:32",
            "icmp:64",
            "icmpv6:64",
            "esp:64",
            "ah:96",
            "comp:32",
            "ether:112",
            "igmp:64",
            "gre:32",
            "vlan:32",
            "arp:64",
        ]
    )
}
#: What stands in no header has no place; what no part of an IP packet holds is read by nobody.
PLACELESS = {"meta", "ct", "rt", "socket", "osf", "dccp"}
BASES = {"link", "network", "transport", "tag", "arp", *PLACELESS}
#: Not words of nft's "describe", or of a type that only it has (devgroup) or that we know better (date).
NOT_DESCRIBED = {
    *("icmpv6 parameter-problem", "icmpv6 packet-too-big", "comp flags", "meta time", "meta iifgroup", "meta oifgroup"),
    *(
        "rt nexthop",
        "meta broute",
        "ct timeout",
        "ct event",
        "dccp type",
        "osf name",
        "osf version",
        "gre flags",
        "gre version",
        "gre protocol",
    ),
    *(f"ct {side} proto-{end}" for side in ("original", "reply") for end in ("src", "dst")),
}


@pytest.mark.parametrize("text", SELECTORS)
def test_selector_is_whole(text):
    """Its name, type and place."""
    selector = SELECTORS[text]
    assert selector.text == text
    assert selector.base in BASES
    assert selector.datatype is DATATYPES[selector.type_name]
    assert 1 <= selector.bits <= (256 if selector.datatype.form == "account" else 128)
    if selector.base in PLACELESS:
        assert (selector.offset, selector.l3, selector.proto, selector.bits) == (0, 0, None, selector.datatype.bits)
    else:
        header = text.split()[0]
        assert selector.offset + selector.bits <= HEADERS[header]
        assert selector.bits <= selector.datatype.bits


@pytest.mark.parametrize("header", ["ip", "ip6", "tcp", "udp", "sctp", "ether"])
def test_fields_of_a_header_do_not_overlap(header):
    """In the order of the wire (ICMP's overlap by design: the rest of the header depends on the type)."""
    fields = sorted((each.offset, each.bits) for text, each in SELECTORS.items() if text.startswith(f"{header} "))
    assert all(start + bits <= following for (start, bits), (following, _) in pairwise(fields))


@pytest.mark.parametrize(
    ("text", "l3", "proto"),
    [
        ("ip saddr", 4, None),
        ("ip6 saddr", 6, None),
        ("tcp dport", 0, 6),
        ("udp dport", 0, 17),
        ("th dport", 0, None),
        ("icmp type", 4, 1),
        ("icmpv6 type", 6, 58),
    ],
)
def test_what_a_packet_must_be(text, l3, proto):
    """For the field to be there."""
    assert (SELECTORS[text].l3, SELECTORS[text].proto) == (l3, proto)


def test_both_directions_have_every_field():
    """``ct original`` and ``ct reply``."""
    for name, type_name in CT_DIRECTED.items():
        for side in ("original", "reply"):
            selector = SELECTORS[f"ct {side} {name}"]
            assert (selector.type_name, selector.base) == (type_name, "ct")


@pytest.mark.parametrize(("base", "name"), [("ll", "link"), ("nh", "network"), ("th", "transport")])
def test_raw_payload(base, name):
    """Text that is read again as the same."""
    selector = raw_payload(base, 16, 12)
    assert (selector.text, selector.base, selector.offset, selector.bits, selector.type_name) == (f"@{base},16,12", name, 16, 12, "integer")


@pytest.mark.parametrize("text", [text for text in SELECTORS if text not in NOT_DESCRIBED])
def test_type_and_width_are_those_of_nft(text):
    """Where ours is a number of 128 bits, nft's may be narrower: it counts machine words; names are 16 characters there."""
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    selector = SELECTORS[text]
    shown = subprocess.run(["nft", "describe", *text.split()], capture_output=True, text=True, check=True).stdout
    found = re.search(r"expression, datatype (\w+) .*?(\d+) (bits|characters)", shown)
    assert found[1] == selector.type_name
    if selector.base in ("link", "network", "transport"):
        assert int(found[2]) == selector.bits
    elif found[3] == "bits":
        assert int(found[2]) <= selector.bits
