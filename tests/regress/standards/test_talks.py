"""Conversations on the bench."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from standards_world import OUT, world

from pcapaudit.core import consts
from pcapaudit.regress.standards.bench import NotTried
from pcapaudit.regress.standards.talks import PROTOCOLS, ends_for, open_talk, proto_name


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name != "ah"])
def test_every_protocol_talks(name, version):
    """From inside: all of it passes, and all but the first packet belongs to the connection."""
    talk = open_talk(world(), PROTOCOLS[name], version)
    traces = talk.establish()
    assert all(talk.bench.accepted(each) for each in traces), [talk.bench.told(each) for each in traces]
    assert {each.verdict["ct_state"] for each in traces[1:]} == {consts.CT_ESTABLISHED}
    assert talk.bench.accepted(talk.bench.send(talk.last()))


def test_talk_is_like_one_of_the_capture():
    """Whose ports the rules know."""
    where = replace(world(), services={(17, 4): [(ip_address("10.0.0.77"), ip_address("198.51.100.9"), 5000, 123)]})
    assert str(open_talk(where, 17, 4)) == "udp 10.0.0.77:5000 > 198.51.100.9:123"


def test_usual_services_are_tried():
    """The first that the rules let out."""
    rules = OUT.replace('iifname "lan" ct state new', 'iifname "lan" udp dport 53')
    assert open_talk(world(rules), 17, 6).ports == (40000, 53)


def test_nothing_goes_out():
    """That is said, with the rule."""
    where = world(OUT.replace("ct state new accept", "drop"))
    for _ in range(2):
        with pytest.raises(NotTried, match=r"the rules let no such flow out: tcp .* drop \(new\) by test\.nft:4"):
            open_talk(where, 6, 4)


def test_version_without_hosts():
    """A world of IPv4 alone."""
    with pytest.raises(NotTried, match="no hosts with IPv6"):
        ends_for(replace(world(), ends={}), 6)


def test_names():
    """As requirements have them, else as /etc/protocols."""
    assert (proto_name(139), proto_name(58), proto_name(200)) == ("hip", "icmpv6", "200")
