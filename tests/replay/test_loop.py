"""The loop: what reaches which part, in which order, and what is written for packets that no rule sees."""

from scenes import ACCEPT_ALL, INSIDE_OUT, ip, replay, udp

from pcapaudit.core import consts

A, B = "10.0.0.1:40000", "192.0.2.1:53"
RAW_DROP = """table inet t {
    chain early { type filter hook prerouting priority raw; policy accept; udp dport 99 drop }
    chain c { type filter hook forward priority 0; policy accept; } }"""


def test_packet_dropped_before_conntrack_has_no_state():
    """A chain at priority raw is passed before conntrack."""
    rows = replay([(0, udp(A, "192.0.2.1:99")), (1, udp(A, B))], RAW_DROP).rows
    assert [(row.said, row.state, row.hook) for row in rows] == [
        ("drop", "", consts.HOOK_PREROUTING),
        ("accept", "new", consts.HOOK_POSTROUTING),
    ]
    assert rows[0].flow == 1


def test_frame_without_ip_is_skipped():
    """Counted, but neither tracked nor judged."""
    row = replay([(0, b"\x00" * 40)]).rows[0]
    assert (row.said, row.why, row.state, row.flow, row.hook, row.decided) == ("skip", "not-ip", "", 0, consts.HOOK_NONE, 1)


def test_bad_ip_header_is_dropped():
    """As a host would, before any hook."""
    packet = bytearray(ip("10.0.0.1", "192.0.2.1", 17, b"\0" * 8))
    packet[0] = 0x44
    row = replay([(0, bytes(packet))]).rows[0]
    assert row.said in {"drop", "skip"}
    assert row.state == ""


def test_cut_off_packet_is_skipped():
    """Too little of the transport header: nothing is guessed."""
    row = replay([(0, ip("10.0.0.1", "192.0.2.1", 6, b"\0" * 8, total=60))], INSIDE_OUT).rows[0]
    assert row.said in {"drop", "skip"}


def test_more_flows_end_than_wait(monkeypatch):
    """Ended flows are taken in between when many end at once: none is lost."""
    packets = [(0, udp(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}:7", B)) for n in range(20_000)]
    packets += [(1000 + n / 1000, udp(f"10.0.0.1:{n + 1000}", B)) for n in range(4_000)]
    run = replay(packets, ACCEPT_ALL)
    assert run.totals.flows == len(run.flows) == 24_000
    assert sum(flow["end"] == consts.END_TIMEOUT for flow in run.flows) == 20_000
