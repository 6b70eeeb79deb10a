"""Services and the words that tell of them."""

from __future__ import annotations

import pytest

from pcapaudit.rules.policy.services import KNOWN_SERVICES, PolicyWordError, Service, near, parse_services


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tcp 443", [(6, 443, 443)]),
        ("tcp/443", [(6, 443, 443)]),
        ("443/tcp", [(6, 443, 443)]),
        ("tcp ssh", [(6, 22, 22)]),
        ("udp 5000-5100, 53", [(17, 5000, 5100), (17, 53, 53)]),
        ("dns", [(17, 53, 53), (6, 53, 53)]),
        ("tcp 80, tcp 80", [(6, 80, 80)]),
        ("tcp", [(6, None, None)]),
        ("esp", [(50, None, None)]),
        ("icmp echo-request", [(1, 8, 8)]),
        ("icmpv6 1", [(58, 1, 1)]),
        ("ping", [(1, 8, 8), (58, 128, 128)]),
        ("all", [(None, None, None)]),
    ],
)
def test_words(words, found):
    """Names, protocols, ports, ranges; a number alone belongs to the protocol before it."""
    assert parse_services(words, KNOWN_SERVICES) == tuple(Service(*each) for each in found)


@pytest.mark.parametrize(
    ("words", "message", "advice", "word"),
    [
        ("htpt", 'no service is called "htpt"', 'did you mean "http"?', "htpt"),
        ("80", "port 80 of which protocol?", "write: tcp 80, or udp 80", "80"),
        ("dns, 80", "port 80 of which protocol?", "write: tcp 80, or udp 80", "80"),
        ("tcp 99999", '"99999" is no port', "a number from 0 to 65535, or a range", "99999"),
        ("tcp 9-1", "the range 9-1 ends before it begins", "write: 1-9", "9-1"),
        ("dns 53", "dns is a service: nothing stands behind it but a comma", "", "dns"),
        ("esp 5", "this protocol has no ports: 5", "remove 5", "5"),
        ("icmp ecko-request", 'no ICMP message is called "ecko-request"', 'did you mean "echo-request"?', "ecko-request"),
        ("dns http ssh", '"dns http ssh" is no service', "separate services by commas", "dns http ssh"),
        ("dns,, ssh", "a service is missing", "write for example: dns, tcp 443", ""),
    ],
)
def test_wrong_words(words, message, advice, word):
    """What is wrong, what to write, and which word it is."""
    with pytest.raises(PolicyWordError) as caught:
        parse_services(words, KNOWN_SERVICES)
    assert (caught.value.message, caught.value.advice, caught.value.word) == (message, advice, word)


def test_names_of_the_file():
    """Known like the others."""
    assert parse_services("mine", {"mine": (Service(6, 1, 1),)}) == (Service(6, 1, 1),)


def test_near():
    """Also short words."""
    assert near("wam", ["lan", "wan"]) == 'did you mean "wan"?'
    assert near("zzz", ["lan"]) == ""
