"""What helpers are given."""

from pcapaudit.conntrack.expectations import Expectation, Expectations, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk, Helper, Policy

PACKET = Control(0, True, b"abc", 5, 1000, 7, 42)
HELPER = Helper(1, "test", (6,), 21, (4,), (Policy(0, NS),), lambda *_: Answer.ACCEPT)


def test_cut_packet():
    """The capture holds less than the wire did."""
    assert PACKET.cut
    assert not Control(0, True, b"abc", 3, 0, 0, 0).cut


def test_expectation_notes_frame_and_time():
    """Those of the packet that announced it; a full table is remembered."""
    desk = Desk(Expectations(limit=1), {})
    one, other = (Expectation(Master(1, HELPER, Tuple(4, 6, 1, 2, 3, 4)), Tuple(4, 6, 0, 0, 1, port)) for port in (1, 2))
    assert desk.expect(one, PACKET) == Outcome.MADE
    assert (one.frame, one.made_ns, one.expires, desk.full) == (42, 7, 7 + NS, False)
    assert desk.expect(other, PACKET) == Outcome.FULL
    assert desk.full


def test_desk_alone_kills_and_refreshes_nothing():
    """A helper may be run without a table of connections."""
    desk = Desk(Expectations(), {})
    master = Master(1, HELPER, Tuple(4, 6, 1, 2, 3, 4))
    assert (desk.kill(master.original, 0), desk.refresh(master, NS), desk.netmask(0xFFFFFFFF)) == (False, None, 0)
