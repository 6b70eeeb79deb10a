"""The ledger: which cause a changed packet belongs to."""

import pytest

from pcapaudit.core.consts import CT_ESTABLISHED, CT_INVALID, CT_NEW, CT_RELATED
from pcapaudit.regress.changes import Fate, Kind
from pcapaudit.regress.ledger import Ledger, Sort

ACCEPT, DROP = 1, 2


def run(kind=Kind.NEWLY_BLOCKED, states=(CT_NEW, CT_NEW), flows=(1, 1), **more):
    """A run of one packet."""
    verdicts = {Kind.NEWLY_BLOCKED: (ACCEPT, DROP), Kind.NEWLY_ALLOWED: (DROP, ACCEPT)}.get(kind, (DROP, DROP))
    deciders = more.pop("deciders", (1, 1))
    frame = more.pop("frame", 1)
    old, new = (Fate(verdicts[side], 0, deciders[side], states[side]) for side in (0, 1))
    sort = Sort(kind, old, new, more.pop("about", False), more.pop("entry", False), more.pop("proto", 6) | 1 << 17)
    packets, last = more.pop("packets", 1), more.pop("last_frame", frame)
    assert not more
    return sort, *flows, packets, 60 * packets, 0, frame, last


def booked(*runs, **options):
    """The ledger after some runs, and its changes as (packets, consequences, flows, whole, part)."""
    ledger = Ledger(**options)
    list(ledger.book_all(runs))
    return ledger, [(each.packets, each.consequences, each.flows, each.whole, each.part) for each in ledger.changes.values()]


def test_flow_that_never_began_takes_its_consequences():
    """A blocked SYN, and what follows it with other states, whatever decides it."""
    later = (CT_ESTABLISHED, CT_INVALID)
    assert booked(run(), run(states=later, deciders=(2, 3)), run(states=later, deciders=(2, 4), packets=5))[1] == [(7, 6, 1, 1, 0)]


def test_flow_cut_in_the_middle():
    """Established on both sides: the rules alone made the difference."""
    assert booked(run(states=(CT_ESTABLISHED, CT_ESTABLISHED), entry=True, packets=3))[1] == [(3, 0, 1, 0, 1)]


def test_flow_that_had_begun_is_cut():
    """Still NEW, but with an entry where it is refused now: an earlier packet had passed."""
    assert booked(run(entry=True))[1] == [(1, 0, 1, 0, 1)]


def test_observed_mode_commits_what_it_blocks():
    """There the entry says nothing."""
    assert booked(run(entry=True), observed=True)[1] == [(1, 0, 1, 1, 0)]


def test_difference_of_states_may_be_the_cause():
    """A time-out: the flow's first change is one of state; the rest follows."""
    assert booked(run(states=(CT_ESTABLISHED, CT_NEW), packets=4), run(states=(CT_ESTABLISHED, CT_INVALID)))[1] == [(5, 4, 1, 0, 1)]


def test_same_state_is_a_cause_of_its_own():
    """A second rule that blocks the same flow directly."""
    assert booked(run(), run(deciders=(2, 2)))[1] == [(1, 0, 1, 1, 0), (1, 0, 1, 0, 0)]


def test_weak_change_follows_a_strong_one():
    """A retransmission refused for another reason belongs to the blocked SYN; before one it stands for itself."""
    weak = run(Kind.REASON_CHANGED, states=(CT_INVALID, CT_NEW))
    assert booked(run(), weak)[1] == [(2, 1, 1, 1, 0)]
    assert booked(weak, run(), weak)[1] == [(2, 1, 1, 0, 0), (1, 0, 1, 1, 0)]


def test_opposite_change_is_a_cause_of_its_own():
    """Nothing that is newly allowed hides behind what is newly blocked."""
    assert len(booked(run(), run(Kind.NEWLY_ALLOWED, states=(CT_INVALID, CT_NEW)))[1]) == 2


@pytest.mark.parametrize(("kind", "flows"), [(Kind.NEWLY_BLOCKED, ((5, 7), (9, 7))), (Kind.NEWLY_ALLOWED, ((7, 5), (7, 9)))])
def test_flow_is_that_of_the_side_which_let_it_through(kind, flows):
    """Two connections on one five-tuple are one blocked flow on the other side."""
    ledger, changes = booked(*(run(kind, flows=each) for each in flows))
    assert ledger.flows == 2
    assert changes == [(2, 0, 2, 2, 0)]


def test_icmp_error_belongs_to_the_flow_it_is_about():
    """As a consequence, if the flow changed; alone it makes no flow."""
    about = run(states=(CT_RELATED, CT_INVALID), flows=(1, 0), about=True, proto=1)
    assert booked(run(), about)[1] == [(2, 1, 1, 1, 0)]
    ledger, changes = booked(about)
    assert (ledger.flows, changes) == (0, [(1, 0, 0, 0, 0)])


def test_packets_without_flow_stand_alone():
    """Each run is direct."""
    assert booked(run(flows=(0, 0), packets=3), run(flows=(0, 0)))[1] == [(4, 0, 0, 0, 0)]


def test_first_packet_of_a_flow_is_an_example():
    """Once for each change and flow."""
    ledger = Ledger()
    runs = [run(), run(), run(flows=(2, 2)), run(deciders=(3, 3))]
    assert [each for _, each in ledger.book_all(runs)] == [runs[0], *runs[2:]]


def test_ended_flow_is_forgotten():
    """Its number does not come again."""
    ledger, _ = booked(run())
    ledger.forget([1], [1])
    list(ledger.book_all([run()]))
    assert ledger.flows == 2


def test_limit_of_flows_is_told():
    """Beyond it packets are counted without their flows."""
    ledger, changes = booked(run(), run(flows=(2, 2), packets=2), run(), max_flows=1)
    assert (ledger.flows, ledger.packets_beyond_flows) == (1, 2)
    assert changes == [(4, 0, 1, 1, 0)]


def test_limit_of_changes_is_told():
    """Beyond it there is one change a kind."""
    runs = [run(deciders=(n, n), flows=(n, n)) for n in (1, 2, 3)]
    ledger, changes = booked(*runs, max_changes=1)
    assert ledger.packets_beyond_changes == 2
    assert changes == [(1, 0, 1, 1, 0), (2, 0, 2, 2, 0)]
    assert list(ledger.changes)[1] == (Kind.NEWLY_BLOCKED, None, None)
