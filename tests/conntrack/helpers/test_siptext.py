"""Headers, addresses, parameters and SDP lines, and where Linux's reading of them ends."""

from ipaddress import ip_address

import pytest

from pcapaudit.conntrack.helpers.siptext import Found, Message

V4 = 4


def message(*lines, l3=V4, end="\r\n"):
    """A message of a request line and these."""
    return Message((end.join(["REGISTER sip:x SIP/2.0", *lines]) + end).encode(), l3)


def value(made, spot):
    """What a spot holds, or what a search came to."""
    return made.data[spot.at : spot.at + spot.size].decode() if spot.found == Found.YES else spot.found.name


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        ("CSeq: 17 INVITE", b"CSeq", "17"),
        ("cseq : 17 INVITE", b"CSeq", "17"),
        ("CSEQ:\r\n 17 INVITE", b"CSeq", "17"),
        ("CSeq\t:17", b"CSeq", "17"),
        ("CSeq: INVITE", b"CSeq", "BAD"),
        ("CSeq", b"CSeq", "NO"),
        ("CSeq:", b"CSeq", "NO"),
        ("CSeqX: 17", b"CSeq", "NO"),
        (" CSeq: 17", b"CSeq", "NO"),
        ("X-CSeq: 17", b"CSeq", "NO"),
        ("l: 5", b"Content-Length", "5"),
        ("L : 5", b"Content-Length", "5"),
        ("lx: 5", b"Content-Length", "NO"),
        ("Contact: <sip:bob@10.0.0.1:5070>", b"Contact", "10.0.0.1:5070"),
        ("m: sip:10.0.0.1;x", b"Contact", "10.0.0.1"),
        ("Contact: <sip:bob@example.org>", b"Contact", "BAD"),
        ("Contact: <tel:112>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1:80>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1:65536>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1:506000>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1:>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.300>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1.2>", b"Contact", "BAD"),
        ("Contact: <sip:bob@10.0.0.1a>", b"Contact", "BAD"),
    ],
)
def test_header(line, name, expected):
    """Names in any case and with their short forms, blanks and continuation lines, values that are none."""
    made = message("Via: x", line, "Other: y")
    assert value(made, made.header(name)) == expected


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_any_end_of_line(end):
    """CR, LF or both."""
    made = message("Via: x", "CSeq: 3 ACK", "X: y", end=end)
    assert value(made, made.header(b"CSeq")) == "3"


def test_line_behind_an_empty_one_is_passed_over():
    """With bare line feeds Linux looks past it."""
    made = Message(b"x\n\nCSeq: 3 ACK\nmore", V4)
    assert made.header(b"CSeq").found == Found.NO
    assert Message(b"x\r\n\r\nCSeq: 3 ACK\r\nmore", V4).header(b"CSeq").found == Found.YES


def test_contacts():
    """Several in one header, several headers; unreadable ones are passed over."""
    made = message(
        "Contact: <sip:a@10.0.0.1:5070>, <sip:b@name>, <sip:c@10.0.0.2>;expires=5", "Contact: <sip:d@other>", "m: sip:e@10.0.0.3 "
    )
    assert [end for _, end in made.contacts()] == [(0x0A000001, 5070), (0x0A000002, 5060), (0x0A000003, 5060)]
    assert list(message("X: y").contacts()) == []


@pytest.mark.parametrize(
    ("text", "bracketed", "expected"),
    [
        ("[2001:db8::1]:5070>", True, "2001:db8::1"),
        ("2001:db8::1 ", False, "2001:db8::1"),
        ("[2001:db8::1]", False, "2001:db8::1"),
        ("2001:db8::1>", True, None),
        ("[2001:db8::1>", True, None),
        ("[2001:db8::g]", True, None),
        ("host", False, None),
        ("", False, None),
    ],
)
def test_address6(text, bracketed, expected):
    """In a URI in brackets, in SDP without."""
    found = Message(text.encode(), 6).address(0, bracketed=bracketed)
    assert (found and found[0]) == (expected and int(ip_address(expected)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"5060 ", (5060, 4)),
        (b"x", (0, 0)),
        (b"4294967295", (4294967295, 10)),
        (b"4294967296", (0, 0)),
        (b"000000000001", (0, 0)),
        (b"", (0, 0)),
    ],
)
def test_number(text, expected):
    """Thirty-two bits, eleven digits."""
    assert Message(text, V4).number(0) == expected


def test_parameters():
    """Up to the semicolon, and to the list's next value; over a continuation line; nothing at the very end."""
    made = Message(b";transport=tcp;expires=60, <sip:b>;q=1;x=9", V4)
    assert value(made, made.parameter(0, b"expires=")) == "60"
    assert value(made, made.parameter(0, b"transport=")) == "tcp"
    assert made.parameter(0, b"q=").found == Found.NO
    folded = Message(b"<sip:a>\r\n  ;expires=60;\r\nNext: expires=7 ", V4)
    assert value(folded, folded.parameter(0, b"expires=")) == "60"
    assert Message(b"a\r\nexpires=7 ", V4).parameter(0, b"expires=").found == Found.NO


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        ("v=0", b"v=", "0"),
        ("v=x", b"v=", "BAD"),
        ("m=audio 7000 RTP/AVP 0", b"m=", "audio 7000"),
        ("m=audio", b"m=", "BAD"),
        ("m=audio x", b"m=", "audio "),
        ("c=IN IP4 10.0.0.1", b"c=", "10.0.0.1"),
        ("c=IN IP4 10.0.0.1/127", b"c=", "10.0.0.1"),
        ("c=IN IP4 host", b"c=", "BAD"),
        ("c=IN IP6 ::1", b"c=", "BAD"),
        ("c=", b"c=", "BAD"),
        ("a=x", b"c=", "NO"),
    ],
)
def test_sdp_line(line, kind, expected):
    """Version, media and connection."""
    made = message(line, "a=end")
    assert value(made, made.sdp(kind, 0)) == expected


def test_sdp_line_up_to_another():
    """The session's own connection line stands before the first medium."""
    made = message("m=audio 1 x", "c=IN IP4 10.0.0.1", "a=end")
    assert made.sdp(b"c=", 0, b"m=").found == Found.NO
    assert Message(b"\r\nc=IN IP6 2001:db8::5\r\n", 6).sdp(b"c=", 0).found == Found.YES


@pytest.mark.parametrize(
    "data", [b"", b"\r", b"\r\n", b"\n\n\n", b"\r\n ", b"\0" * 50, b"CSeq", b"x\r\nContact:", b"x\r\nContact: sip:", b"x\r\nm=\r\nc="]
)
def test_any_bytes(data):
    """No error, whatever the message is."""
    for l3 in (4, 6):
        made = Message(data, l3)
        assert made.header(b"CSeq").found != Found.YES
        assert list(made.contacts()) == []
        assert made.sdp(b"c=", 0, b"m=").found != Found.YES
        assert made.parameter(0, b"expires=").found == Found.NO
        assert made.next_value(0).found == Found.NO
