"""SIP: calls and their media, registrations, messages that are dropped; over UDP and TCP."""

import pytest
from control_channels import Talk
from scenes import INSIDE_OUT, replay, udp

from pcapaudit.conntrack.config import ConntrackConfig

SIP = ConntrackConfig().with_helper("sip")
A, B = "10.0.0.1", "192.0.2.1"
C, S = f"{A}:5060", f"{B}:5060"


def sdp(address=A, media="m=audio 7000 RTP/AVP 0"):
    """A session description."""
    connection = f"c=IN IP4 {address}\r\n" if address else ""
    return f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\n{connection}t=0 0\r\n{media}\r\na=end\r\n"


def sip(first, body="", *, cseq="1 INVITE", headers=""):
    """A message."""
    lines = f"{first}\r\nVia: SIP/2.0/UDP {C}\r\nCall-ID: 1@a\r\n" + (f"CSeq: {cseq}\r\n" if cseq else "") + headers
    return f"{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


INVITE, OK = "INVITE sip:b@192.0.2.1 SIP/2.0", "SIP/2.0 200 OK"
REGISTER = "REGISTER sip:192.0.2.1 SIP/2.0"


def run(*packets, config=SIP, **more):
    """Packets a second apart: bytes as they are, ``(">", message)`` of the client, ``("<", message)`` of the server."""
    made = [each if isinstance(each, bytes) else udp(C, S, each[1]) if each[0] == ">" else udp(S, C, each[1]) for each in packets]
    return replay(list(enumerate(made)), INSIDE_OUT, config=config, **more).rows


def media(port, source=f"{B}:8000", target=A):
    """A datagram to a media port."""
    return udp(source, f"{target}:{port}", b"rtp")


def test_invite_announces_rtp_and_rtcp():
    """The even port and the next one, from the other end of the signalling, once each."""
    rows = run((">", sip(INVITE, sdp(media="m=audio 7001 RTP/AVP 0"))), media(7000), media(7001), media(7002))
    assert [(row.state, row.parent) for row in rows[1:]] == [("related", 1), ("related", 1), ("new", 0)]
    assert "helper" in rows[0].status
    assert round(rows[0].left) == 3600


def test_answer_announces_the_other_side():
    """A 200 with a session description."""
    rows = run((">", sip(INVITE, sdp())), ("<", sip(OK, sdp(B, "m=video 9000 RTP/AVP 0"))), udp(f"{A}:7000", f"{B}:9000"))
    assert rows[-1].state == "related"


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (sdp(), "related"),
        (sdp("", "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 10.0.0.1"), "related"),
        (sdp("10.0.0.9", "m=audio 7000 RTP/AVP 0\r\nc=IN IP4 10.0.0.1"), "related"),
        (sdp(media="m=text 5000 x\r\nm=image 7000 udptl t38"), "related"),
        (sdp(media="m=audio 0 RTP/AVP 0\r\nm=video 7000 RTP/AVP 0"), "related"),
        (sdp("10.0.0.9"), "new"),
        (sdp(media="m=text 7000 x"), "new"),
        (sdp(media="m=audio x RTP/AVP 0"), "new"),
        ("", "new"),
        ("x=1\r\nm=audio 7000 RTP/AVP 0\r\n", "new"),
    ],
)
def test_media_lines(body, state):
    """Kinds of media, their own addresses, port 0; a third host's address is passed over."""
    rows = run((">", sip(INVITE, body)), media(7000))
    assert (rows[0].said, rows[1].state) == ("accept", state)


@pytest.mark.parametrize(
    "message",
    [
        sip(INVITE, sdp(media="m=audio 1023 RTP/AVP 0")),
        sip(INVITE, sdp(media="m=audio 65536 RTP/AVP 0")),
        sip(INVITE, sdp("")),
        sip(INVITE, sdp(), cseq=""),
        sip(INVITE, sdp(), cseq="x INVITE"),
        sip("SIP/2.0 xyz OK and so on", sdp()),
        sip("SIP/2.0 000 OK and so on", sdp()),
        sip(OK, sdp(), cseq=""),
        sip(REGISTER, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070>;expires=soon;x\r\n"),
    ],
)
def test_dropped_messages(message):
    """A port below 1024 or above 65535, media without address, no CSeq, no status code, no number where one must be."""
    row = run((">", message))[0]
    assert (row.said, row.why) == ("drop", "helper")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\n\r\n",
        b"SIP/2.0 20",
        b"HELLO sip:b SIP/2.0\r\n\r\n",
        b"INVITEsip:b SIP/2.0\r\n\r\n",
        b"INVITE  sip:b SIP/2.0\r\n\r\n",
        b"\xff" * 1400,
        bytes(range(256)),
        sip("OPTIONS sip:b SIP/2.0", cseq=""),
        sip(OK, sdp(), cseq="1 OPTIONS"),
        sip(REGISTER, cseq="1 REGISTER"),
        sip(REGISTER, cseq="1 REGISTER", headers="Contact: <sip:a@host.example>\r\n"),
        sip(REGISTER, cseq="1 REGISTER", headers="Contact: *\r\nExpires: 0\r\n"),
    ],
)
def test_messages_that_announce_nothing(message):
    """Other methods, keepalives, names, binary on port 5060."""
    row, later = run((">", message), media(7000))
    assert (row.said, later.state) == ("accept", "new")


@pytest.mark.parametrize(
    ("taken_back", "state"),
    [
        ((">", sip("BYE sip:b@192.0.2.1 SIP/2.0", cseq="2 BYE")), "new"),
        (("<", sip("SIP/2.0 486 Busy Here")), "new"),
        (("<", sip("SIP/2.0 486 Busy Here", cseq="9 INVITE")), "related"),
        (("<", sip("SIP/2.0 100 Trying")), "related"),
        ((">", sip(INVITE, cseq="2 INVITE")), "new"),
        ((">", sip("ACK sip:b@192.0.2.1 SIP/2.0", cseq="1 ACK")), "related"),
        (("<", sip("SIP/2.0 500 x and more", cseq="1 UPDATE")), "new"),
        (("<", sip("SIP/2.0 500 x and more", cseq="1 PRACK")), "new"),
    ],
)
def test_media_are_taken_back(taken_back, state):
    """By a BYE, a refusal of the same request, a new INVITE."""
    assert run((">", sip(INVITE, sdp())), taken_back, media(7000))[-1].state == state


@pytest.mark.parametrize("method", ["UPDATE", "ACK", "PRACK"])
def test_other_requests_announce_media(method):
    """As the INVITE does."""
    assert run((">", sip(f"{method} sip:b@192.0.2.1 SIP/2.0", sdp(), cseq=f"2 {method}")), media(7000))[-1].state == "related"


def test_media_between_other_hosts():
    """With sip_direct_media off anybody may send, to any address."""
    free = SIP.with_helper_param("sip.sip_direct_media=0")
    rows = run((">", sip(INVITE, sdp("10.0.0.9"))), media(7000, "198.51.100.1:9", "10.0.0.9"), config=free)
    assert rows[-1].state == "related"


def test_same_media_twice():
    """A retransmitted INVITE, and the same call through another signalling connection, are not dropped."""
    other = udp("10.0.0.1:5062", S, sip(INVITE, sdp()))
    rows = run((">", sip(INVITE, sdp())), (">", sip(INVITE, sdp())), other, media(7000))
    assert [row.said for row in rows] == ["accept"] * 4
    assert rows[-1].parent == 1


def registered(answer, *, contact="<sip:a@10.0.0.1:5070>", headers="Expires: 60\r\n", config=SIP, source=S, after=1):
    """A call to the contact after a registration and its answer."""
    request = sip(REGISTER, cseq="1 REGISTER", headers=f"Contact: {contact}\r\n{headers}")
    packets = [(0, udp(C, S, request)), (1, udp(S, C, answer)), (1 + after, udp(source, "10.0.0.1:5070", sip(INVITE, sdp(B))))]
    return replay(packets, INSIDE_OUT, config=config).rows


AGREED = sip(OK, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070>;expires=600;x\r\n")


def test_registration():
    """A call is expected from the registrar for as long as its answer says, and read by the same helper."""
    row = registered(AGREED, after=599)[-1]
    assert (row.state, row.status) == ("related", ["expected", "confirmed", "helper"])
    assert registered(AGREED, after=600)[-1].said == "drop"
    assert registered(AGREED, source="198.51.100.1:5060")[-1].said == "drop"


def test_registration_with_calls_from_anywhere():
    """sip_direct_signalling off."""
    free = SIP.with_helper_param("sip.sip_direct_signalling=0")
    assert registered(AGREED, source="198.51.100.1:5060", config=free)[-1].state == "related"


@pytest.mark.parametrize(
    ("answer", "more"),
    [
        (sip("SIP/2.0 401 Unauthorized", cseq="1 REGISTER"), {}),
        (sip("SIP/2.0 100 Trying", cseq="1 REGISTER"), {}),
        (sip(OK, cseq="1 REGISTER"), {}),
        (sip(OK, cseq="2 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070>;expires=600;x\r\n"), {}),
        (sip(OK, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5071>;expires=600;x\r\n"), {}),
        (sip(OK, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070>;expires=0;x\r\n"), {}),
        (sip(OK, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070;transport=tcp>;expires=60;\r\n"), {}),
        (AGREED, {"headers": ""}),
        (AGREED, {"contact": "<sip:a@10.0.0.9:5070>"}),
        (AGREED, {"contact": "<sip:a@10.0.0.1:5070;transport=tcp>"}),
        (AGREED, {"contact": "<sip:a@10.0.0.1:5070;transport=sctp>"}),
    ],
)
def test_registration_that_does_not_count(answer, more):
    """Refused, not final, other contact, other request, another transport, no time, somebody else's."""
    assert registered(answer, **more)[-1].said == "drop"


def test_registration_lists_contacts():
    """The client's own is found among others; the time may stand in the header."""
    answer = sip(OK, cseq="1 REGISTER", headers="Expires: 60\r\nContact: <sip:z@198.51.100.1>, <sip:a@10.0.0.1:5070> \r\n")
    assert registered(answer)[-1].state == "related"


def test_expected_connection_does_not_register():
    """A REGISTER on it announces nothing."""
    again = udp(S, "10.0.0.1:5070", sip(REGISTER, cseq="1 REGISTER", headers=f"Contact: <sip:b@{B}:5090>;expires=60;x\r\n"))
    request = sip(REGISTER, cseq="1 REGISTER", headers="Contact: <sip:a@10.0.0.1:5070>\r\nExpires: 60\r\n")
    rows = run((">", request), ("<", AGREED), again)
    assert (rows[-1].state, rows[-1].said) == ("related", "accept")


def test_over_tcp():
    """Whole messages, several in a segment; one that goes on in the next is not read."""
    one, other = sip(INVITE, sdp()), sip("ACK sip:b@192.0.2.1 SIP/2.0", sdp(media="m=video 7010 x"), cseq="1 ACK")
    for segments, states in (
        ([one + other], ["related", "related"]),
        ([one, other], ["related", "related"]),
        ([one[:-5], one[-5:] + other], ["new", "new"]),
    ):
        talk = Talk(C, S).open()
        for data in segments:
            talk.send(0, data)
        rows = replay([*talk.packets, (1, media(7000)), (2, media(7010))], INSIDE_OUT, config=SIP).rows
        assert [row.state for row in rows[-2:]] == states


def test_cut_off_message():
    """What it announced is not known."""
    rows = run((">", sip(INVITE, sdp())), media(7000), snaplen=100)
    assert ("helper-blind" in rows[0].anomalies, rows[1].said, rows[1].decided) == (True, "drop", 0)
