"""H.323: calls, channels and registrations, their frames, and what a capture does not hold."""

import pytest
from control_channels import Talk
from h323_messages import acknowledge, call, call_address, control, frame, open_channel, ras, t120_channel
from scenes import INSIDE_OUT, replay, tcp, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.helpers.h323 import Frames, h323_part
from pcapaudit.core.errors import ConfigError

RULES = """table inet h { ct helper q { type "Q.931" protocol tcp; }
    chain p { type filter hook prerouting priority 0; tcp dport 1720 ct helper set "q" } }
"""
Q931, RAS = ConntrackConfig().with_helper("Q.931"), ConntrackConfig().with_helper("RAS")
CALLS_OUT = """table inet f { chain c { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    ip daddr 192.0.2.1 tcp dport 1720 accept } }"""
A, B, X = "10.0.0.1", "192.0.2.1", "192.0.2.9"
HERE, GATEKEEPER = f"{A}:4000", f"{B}:1719"


def states(*said, then=(), config=Q931, rules=INSIDE_OUT):
    """What comes of a call on which (side, bytes) were said, or flags of segments without any: the states of those that come then."""
    talk = Talk(f"{A}:3000", f"{B}:1720").open()
    for side, data in said:
        talk.send(side, *([data] if data else []), **({} if data else {"flags": 0x10}))
    packets = [*talk.packets, *((10 + at, packet) for at, packet in enumerate(then))]
    return [row.state for row in replay(packets, rules, config=config).rows[len(talk.packets) :]]


def rtp(port, source=f"{B}:8000", target=A):
    """A datagram to a media port."""
    return udp(source, f"{target}:{port}", b"rtp")


@pytest.mark.parametrize("name", ["setup", "callProceeding", "connect", "alerting", "facility", "progress"])
@pytest.mark.parametrize(("rules", "config"), [(RULES + INSIDE_OUT, ConntrackConfig()), (INSIDE_OUT, Q931)])
def test_call_announces_h245_and_channels(name, rules, config):
    """Whatever message says it: the H.245 connection, media at once, and what H.245 inside says."""
    inside = (control("openLogicalChannel", open_channel(A, 6000)),)
    said = call(name, h245Address=call_address(A, 4000), fastStart=[open_channel(A, 5004, 5005)], tunnelled=inside)
    then = [tcp(f"{B}:9", f"{A}:4000", "S"), rtp(5004), rtp(5005), rtp(6001), rtp(5006)]
    assert states((0, frame(said)), then=then, rules=rules, config=config) == ["related", "related", "related", "related", "new"]


def test_h245_connection_has_its_own_helper():
    """It is a child of the call; what it announces are children of it."""
    talk = Talk(f"{A}:3000", f"{B}:1720").open().send(1, frame(call("connect", h245Address=call_address(B, 1503))))
    second = Talk(f"{A}:3001", f"{B}:1503", at=1).open().send(0, frame(control("openLogicalChannel", open_channel(A, 5005))))
    second.send(1, frame(control("openLogicalChannelAck", acknowledge(B, 7000, 7001))))
    then = [(3, rtp(5004)), (4, rtp(5005)), (5, rtp(7000, f"{A}:5004", B)), (6, rtp(7001, f"{A}:5005", B))]
    run = replay([*talk.packets, *second.packets, *then], INSIDE_OUT, config=Q931)
    opened = run.rows[len(talk.packets)]
    assert (opened.state, opened.parent) == ("related", 1)
    assert "helper" in opened.status
    assert [(row.state, row.parent) for row in run.rows[-4:]] == [("related", 2)] * 4


@pytest.mark.parametrize(
    ("channel", "state"),
    [
        (open_channel(A, 5004), "related"),
        (open_channel(A, None, 5005), "related"),
        (open_channel(A, 5004, reverse=True), "related"),
        (open_channel(X, 5004), "new"),
        (open_channel("fd00::1", 5004), "new"),
        (open_channel(A, None), "new"),
    ],
    ids=["media", "control", "reverse", "third host", "other version", "neither"],
)
def test_channel(channel, state):
    """Media count where the sender is, and in either direction of the channel."""
    assert states((0, frame(call("setup", fastStart=[channel]))), then=[rtp(5004)]) == [state]


def test_port_0_is_none():
    """Neither for H.245 nor for media nor for data."""
    said = call("setup", h245Address=call_address(A, 0), fastStart=[open_channel(A, 0), t120_channel(A, 0)])
    assert states((0, frame(said)), then=[tcp(f"{B}:9", f"{A}:0", "S"), rtp(0), rtp(1)]) == ["new", "new", "new"]


@pytest.mark.parametrize(
    ("channel", "state"),
    [
        (t120_channel(A, 1503), "related"),
        (t120_channel(X, 1503), "new"),
        (t120_channel(A, 1503, protocol="v14buffered"), "new"),
        (t120_channel(A, 1503, application="dsm-cc", protocol="v14buffered"), "new"),
    ],
    ids=["t120", "third host", "other protocol", "other application"],
)
def test_data_channel_stays(channel, state):
    """T.120 over TCP, more than once."""
    then = [tcp(f"{B}:9", f"{A}:1503", "S"), tcp(f"{B}:10", f"{A}:1503", "S")]
    assert states((0, frame(call("setup", fastStart=[channel]))), then=then) == [state, state]


def test_more_than_thirty_channels_are_not_remembered():
    """Linux has room for 30 and makes no more than 20 pending: the oldest make room."""
    said = frame(call("setup", fastStart=[open_channel(A, 5000 + 2 * each) for each in range(32)]))
    then = [rtp(5000 + 2 * each) for each in range(32)]
    assert states((0, said), then=then) == ["new"] * 20 + ["related"] * 10 + ["new"] * 2


def test_what_another_call_expects_is_refused():
    """Its packet is dropped."""
    packets = []
    for number in range(2):
        talk = Talk(f"{A}:{3000 + number}", f"{B}:1720", at=number).open()
        packets += talk.send(0, frame(call("setup", h245Address=call_address(A, 4000)))).packets
    assert [row.said for row in replay(packets, INSIDE_OUT, config=Q931).rows][-1] == "drop"


# Frames -------------------------------------------------------------------------------------------------------------------------------


def test_header_alone_then_message():
    """As NetMeeting sends it; a segment without payload in between makes Linux forget."""
    said = frame(call("setup", h245Address=call_address(A, 4000)))
    then = [tcp(f"{B}:9", f"{A}:4000", "S")]
    assert states((0, said[:4]), (0, said[4:]), then=then) == ["related"]
    assert states((0, said[:4]), (1, b""), (0, said[4:]), then=then) == ["related"]
    assert states((0, said[:4]), (0, b""), (0, said[4:]), then=then) == ["new"]
    assert states((0, said[:50]), (0, said[50:]), then=then) == ["new"]


@pytest.mark.parametrize(
    ("packets", "messages"),
    [
        ([b"\3\0\0\6ab"], [b"ab"]),
        ([b"\3\0\0\6ab\3\0\0\5c"], [b"ab", b"c"]),
        ([b"\3\0\0\6ab\3\0\0\4"], [b"ab"]),
        ([b"\3\0\0\4"], [b""]),
        ([b"\3\0\0\6ab\2\0\0\5c"], [b"ab"]),
        ([b"\3\0\0\7ab"], []),
        ([b"\3\0\0\3ab"], []),
        ([b"\3\0\0\6", b"ab"], [b"ab"]),
        ([b"\3\0\0\6", b"ab\3\0\0\5c"], [b"ab", b"c"]),
        ([b"\3\0\0\6", b"a", b"b"], []),
        ([b"\3\0\0\6", b"\3\0\0\5c", b"ab"], [b"c"]),
        ([b"ab"], []),
        ([b"\3"], []),
    ],
)
def test_frames(packets, messages):
    """Whole ones, one after the other; a header alone is for the next packet, and for no other."""
    frames = Frames()
    assert [message for packet in packets for message in frames.read(0, packet)] == messages


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ("08 02 0001 05 7e 0003 05 aabb", "aabb"),
        ("08 02 0001 05 04 02 8893 7e 0003 05 aabb", "aabb"),
        ("08 00 05 80 7e 0002 05 aa ff", "aa"),
        ("08 02 0001 05 a1 7e 0003 05 aabb", "aabb"),
        ("08 02 0001 05 04 01 00 a1 7e 0003 05 aabb", None),
        ("08 02 0001 05 04 01 00 a1 01 00 7e 0002 05 aa", "aa"),
        ("08 02 0001 05 7e 0004 05 aabb", None),
        ("08 02 0001 05 7e 0001 05", None),
        ("08 02 0001 05 7e 00", None),
        ("08 02 0001 05 04", None),
        ("08 02 0001", None),
        ("08 09 0001 05 7e 0003 05 aabb", None),
        ("03 02 0001 05 7e 0003 05 aabb", None),
        ("08", None),
        ("", None),
    ],
)
def test_part_of_h323(data, part):
    """Behind the call reference, the type and other elements; the ones of a single byte are taken for one with a length, too."""
    assert h323_part(bytes.fromhex(data)) == (None if part is None else bytes.fromhex(part))


def test_message_that_cannot_be_read_hides_those_behind_it():
    """And changes nothing itself."""
    good = frame(call("setup", h245Address=call_address(A, 4000)))
    then = [tcp(f"{B}:9", f"{A}:4000", "S")]
    assert states((0, frame(b"\x08\x02") + good), then=then) == ["new"]
    assert states((0, frame(call("setup", fastStart=[])) + good), then=then) == ["related"]


# Calls that go on elsewhere -----------------------------------------------------------------------------------------------------------


def test_forwarded_call_is_undecidable_unless_all_are_followed():
    """Which ones Linux follows depends on the routes."""
    said = frame(call("facility", reason=("callForwarded", None), alternativeAddress=call_address(X, 1720)))
    talk = Talk(f"{A}:3000", f"{B}:1720").open().send(1, said)
    packets = [*talk.packets, (1, tcp(f"{A}:9", f"{X}:1720", "S")), (2, tcp(f"{A}:9", f"{X}:1721", "S"))]
    rows = replay(packets, CALLS_OUT, config=Q931).rows
    assert rows[-2].decided == 0
    followed = Q931.with_helper_param("h323.callforward_filter=0")
    assert [row.state for row in replay(packets, CALLS_OUT, config=followed).rows[-2:]] == ["related", "new"]


# Registration -------------------------------------------------------------------------------------------------------------------------


def registered(*packets, config=RAS):
    """States and seconds left of packets (time, bytes)."""
    return [(row.state, round(row.left)) for row in replay(list(packets), INSIDE_OUT, config=config).rows]


RRQ = (0, udp(HERE, GATEKEEPER, ras("registrationRequest", A, 1720)))


def confirm(at=1, **more):
    """The gatekeeper agrees."""
    return at, udp(GATEKEEPER, HERE, ras("registrationConfirm", A, 1720, **more))


def test_registration_makes_calls_from_the_gatekeeper_expected():
    """From it alone, as often as it likes, with the helper of calls; unless all may call."""
    calls = [(2, tcp(f"{B}:9", f"{A}:1720", "S")), (3, tcp(f"{B}:10", f"{A}:1720", "S")), (4, tcp(f"{X}:9", f"{A}:1720", "S"))]
    assert [state for state, _ in registered(RRQ, confirm(), *calls)[2:]] == ["related", "related", "new"]
    anybody = RAS.with_helper_param("h323.gkrouted_only=0")
    assert [state for state, _ in registered(RRQ, confirm(), *calls, config=anybody)[2:]] == ["related"] * 3
    assert "helper" in replay([RRQ, confirm(), *calls], INSIDE_OUT, config=RAS).rows[2].status


def test_registration_lasts_as_long_as_it_says():
    """The confirmation's lifetime, the request's, or the default one is that of the connection, and of calls that anybody may make."""
    assert registered(RRQ, confirm())[1] == ("established", 300)
    assert registered(RRQ, confirm(timeToLive=60))[1] == ("established", 60)
    asked = (0, udp(HERE, GATEKEEPER, ras("registrationRequest", A, 1720, timeToLive=90)))
    assert registered(asked, confirm())[1] == ("established", 90)
    assert registered(RRQ, confirm(), config=RAS.with_helper_param("h323.default_rrq_ttl=77"))[1] == ("established", 77)
    late = (260, tcp(f"{B}:9", f"{A}:1720", "S"))
    assert registered(RRQ, confirm(timeToLive=3600), late)[2][0] == "new"
    anybody = RAS.with_helper_param("h323.gkrouted_only=0")
    assert registered(RRQ, confirm(timeToLive=3600), late, config=anybody)[2][0] == "related"


def test_lifetime_at_the_end_of_the_packet_makes_it_unreadable():
    """Linux steps over it twice, and out of the packet."""
    short = (0, udp(HERE, GATEKEEPER, ras("registrationRequest", A, 1720, timeToLive=90, tail=b"")))
    assert registered(short, (2, tcp(f"{B}:9", f"{A}:1720", "S")))[1][0] == "new"


def test_unregistration_ends_it():
    """Half a minute is left for the answer."""
    gone = (2, udp(HERE, GATEKEEPER, ras("unregistrationRequest", A, 1720)))
    assert registered(RRQ, confirm(), gone, (3, tcp(f"{B}:9", f"{A}:1720", "S")))[2:] == [("established", 30), ("new", 0)]


@pytest.mark.parametrize("name", ["admissionConfirm", "locationConfirm"])
def test_admission_and_location_make_a_call_expected(name):
    """Of the one that asked, to there, more than once; an admission to the asking one's own address is an answer's."""
    asked = (0, udp(HERE, GATEKEEPER, b"\x26\0"))
    there = (1, udp(GATEKEEPER, HERE, ras(name, X, 1720)))
    calls = [(2, tcp(f"{A}:9", f"{X}:1720", "S")), (3, tcp(f"{A}:10", f"{X}:1720", "S")), (4, tcp(f"{A}:9", f"{X}:1721", "S"))]
    assert [state for state, _ in registered(asked, there, *calls)[2:]] == ["related", "related", "new"]
    own = (1, udp(GATEKEEPER, HERE, ras(name, A, 1720)))
    state = registered(asked, own, (2, tcp(f"{A}:9", f"{A}:1720", "S")))[2][0]
    assert state == ("new" if name == "admissionConfirm" else "related")


def test_gatekeeper_at_another_place():
    """It is expected to be asked there; not if that is where it was asked."""
    asked = (0, udp(HERE, f"{B}:1719", ras("gatekeeperRequest", A, 4000)))
    there = (1, udp(f"{B}:1719", HERE, ras("gatekeeperConfirm", X, 1719)))
    run = replay([asked, there, (2, udp(HERE, f"{X}:1719", ras("registrationRequest", A, 1720)))], INSIDE_OUT, config=RAS)
    assert (run.rows[2].state, run.rows[2].parent) == ("related", 1)
    calls = [(3, tcp(f"{X}:9", f"{A}:1720", "S"))]
    again = replay([asked, there, (2, udp(HERE, f"{X}:1719", ras("registrationRequest", A, 1720))), *calls], INSIDE_OUT, config=RAS)
    assert (again.rows[3].state, again.rows[3].parent) == ("related", 2)


# What the capture does not hold -------------------------------------------------------------------------------------------------------


def test_cut_call_is_blind():
    """Between the same hosts, TCP or UDP, until four minutes after; other hosts are strangers."""
    talk = Talk(f"{A}:3000", f"{B}:1720").open().send(0, frame(call("setup", h245Address=call_address(A, 4000))))
    later = [(1, tcp(f"{B}:9", f"{A}:5000", "S")), (2, udp(f"{B}:9", f"{A}:5000")), (3, udp(f"{X}:9", f"{A}:5000"))]
    packets = [*talk.packets, *later, (400, udp(f"{B}:10", f"{A}:5000"))]
    rows = replay(packets, INSIDE_OUT, config=Q931, snaplen=80).rows
    assert "helper-blind" in rows[len(talk.packets) - 1].anomalies
    assert [(row.said, row.decided) for row in rows[-4:]] == [("drop", 0), ("drop", 0), ("drop", 1), ("drop", 1)]


def test_cut_admission_is_blind_for_any_host():
    """It may name anybody."""
    packets = [
        (0, udp(HERE, GATEKEEPER, b"\x26\0")),
        (1, udp(GATEKEEPER, HERE, ras("admissionConfirm", A, 1720))),
        (2, tcp(f"{B}:9", f"{X}:5000", "S")),
    ]
    rows = replay(packets, INSIDE_OUT, config=RAS, snaplen=40).rows
    assert "helper-blind" in rows[1].anomalies
    assert rows[-1].decided == 0


def test_no_port_is_h245s_own():
    """Linux assigns it to what a call announces, never by port."""
    with pytest.raises(ConfigError, match=r"H\.245"):
        ConntrackConfig().with_helper("H.245")
