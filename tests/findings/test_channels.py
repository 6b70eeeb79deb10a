"""Control channels as detectors read them: limits, who is heard, what is remembered."""

from control_channels import ftp_session as session
from findings_of import findings_in
from scenes import INSIDE_OUT, tcp, udp

from pcapaudit.conntrack.helpers.registry import BY_NAME
from pcapaudit.findings import channels


def codes(packets, rules=INSIDE_OUT, **more):
    """The codes of what is found."""
    return [each.code for each in findings_in(packets, rules, **more)]


def test_rule_to_add_is_what_nft_reads():
    """Name, type, protocol and port."""
    text = channels.rule_to_add(BY_NAME["ftp"], "tcp", 2121)
    assert 'ct helper ftp-2121 { type "ftp" protocol tcp; }' in text
    assert 'tcp dport 2121 ct helper set "ftp-2121"' in text


def test_channels_have_a_limit(monkeypatch):
    """The oldest is forgotten, and what it announced."""
    monkeypatch.setattr(channels, "_MAX_CHANNELS", 2)
    packets = []
    for number in range(3):
        packets += session("PORT 10,0,0,1,19,1" + str(number) + "\r\n", client=f"10.0.0.1:300{number}", at=number)
    late = [(10 + k, tcp("192.0.2.1:20", f"10.0.0.1:{19 * 256 + 10 + k}", "S")) for k in range(3)]
    (found,) = [each for each in findings_in([*packets, *late]) if each.code == "helper-missing"]
    assert found.count == 2


def test_what_was_refused_is_not_heard():
    """The command did not reach the server."""
    rules = INSIDE_OUT.replace("ct state established", "ip protocol tcp @th,160,32 0x504f5254 drop\n    ct state established")
    packets = [*session("PORT 10,0,0,1,19,137\r\n"), (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]
    assert "helper-missing" not in codes(packets, rules)


def test_other_ports_are_no_channels():
    """Port 2121 is one when a helper was given it."""
    packets = [*session("PORT 10,0,0,1,19,137\r\n", server="192.0.2.1:2121"), (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))]
    assert "helper-missing" not in codes(packets)
    sip = udp("10.0.0.1:21", "192.0.2.1:53", b"PORT 10,0,0,1,19,137\r\n")
    assert codes([(0, sip)]) == []


def test_binary_and_endless_lines():
    """Nothing is found, nothing fails."""
    packets = session("\xff" * 1000, "2" * 1200, "PORT " + "1," * 600, "227 " + "9" * 1300)
    assert [code for code in codes(packets) if code.startswith(("ftp", "helper"))] == []


def sip(first, cseq, body="", contact="<sip:a@10.0.0.1:5060>;expires=60"):
    """A message of SIP."""
    lines = f"{first}\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nCall-ID: 1\r\nCSeq: {cseq}\r\nContact: {contact}\r\nExpires: 60\r\n"
    return f"{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def test_announced_channel_is_heard_as_well():
    """A call to a registered telephone, from another port of its registrar, announces media; the rule to add is for the first channel."""
    phone, registrar, caller = "10.0.0.1:5060", "192.0.2.1:5060", "192.0.2.1:5062"
    body = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\na=x\r\n"
    packets = [
        (0, udp(phone, registrar, sip("REGISTER sip:192.0.2.1 SIP/2.0", "1 REGISTER"))),
        (1, udp(registrar, phone, sip("SIP/2.0 200 OK", "1 REGISTER"))),
        (2, udp(caller, phone, sip("INVITE sip:a@10.0.0.1 SIP/2.0", "1 INVITE"))),
        (3, udp(phone, caller, sip("SIP/2.0 200 OK", "1 INVITE", body))),
        (4, udp("192.0.2.1:8000", "10.0.0.1:7000")),
    ]
    (found,) = [each for each in findings_in(packets) if each.code == "helper-missing"]
    assert (found.count, found.evidence["port"]) == (2, 5060)
    assert "helper-missing" not in codes([*packets[:2], *packets[3:]]), (
        "nobody came as announced, and SIP on port 5062 is not known to be it"
    )


def test_ports_that_rules_give_a_helper_are_heard():
    """An expectation that nobody uses, on a port that a rule names; without the rule FTP is not looked for there."""
    helper = """table inet h { ct helper f { type "ftp" protocol tcp; }
        chain p { type filter hook prerouting priority 0; tcp dport 2121 ct helper set "f" } }
    """
    said = session("PORT 10,0,0,1,19,137\r\n", "200 ok\r\n", server="192.0.2.1:2121")
    packets = [*said, (1000, udp("10.0.0.1:1", "192.0.2.1:2"))]
    assert codes(packets, helper + INSIDE_OUT) == ["expectation-unused"]
    assert "expectation-unused" not in codes(packets)
    # A rule that gives the helper to some alone leaves the others without.
    some = helper.replace("tcp dport", "ip saddr 10.9.9.9 tcp dport")
    data = (9, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))
    assert "helper-missing" in codes([*said, data], some + INSIDE_OUT)
