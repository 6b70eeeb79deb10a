"""Expectations: matching under masks, limits, replacement, eviction, time, and what a look-up costs."""

import pytest

from pcapaudit.conntrack.expectations import ANY, Death, Expectation, Expectations, Master, Outcome, Tuple
from pcapaudit.conntrack.helpers.helper import NS, Answer, Helper, Policy

CLIENT, SERVER, OTHER = 0x0A000001, 0x0A000002, 0x0A000003


def helper(*policies):
    """A helper with limits and nothing else."""
    return Helper(1, "test", (6,), 21, (4,), policies or (Policy(1, 300 * NS),), lambda *_: Answer.ACCEPT)


def master(row=1, **more):
    """A control channel from the client to the server."""
    return Master(row, more.get("helper") or helper(), Tuple(4, 6, CLIENT, 1000 + row, SERVER, 21))


def wanted(of, dport=2000, *, src=SERVER, dst=CLIENT, **more):
    """A data connection from the server's address to the client's."""
    return Expectation(of, Tuple(4, 6, src, more.pop("sport", 0), dst, dport), **more)


def arriving(dport=2000, *, src=SERVER, dst=CLIENT, sport=20, zone=0):
    """A new connection."""
    return Tuple(4, 6, src, sport, dst, dport, zone)


class Watch:
    """Notes who dies and why."""

    def __init__(self):
        self.deaths = []

    def __call__(self, gone, why, now):
        self.deaths.append((gone.tuple.dport, why.name, now))


def test_arrival_uses_it_up():
    """One connection is related, the next one is not."""
    watch = Watch()
    table, of = Expectations(on_death=watch), master()
    assert table.expect(wanted(of), 0) == Outcome.MADE
    found = table.arrive(arriving(), 5)
    assert found is not None
    assert found.master is of
    assert table.arrive(arriving(), 6) is None
    assert watch.deaths == [(2000, "USED", 5)]
    assert (len(table), table.ports[2000], of.expecting[0], of.pending) == (0, 0, 0, {})


def test_permanent_one_stays():
    """As the broadcast helpers and SIP registrations have it."""
    table = Expectations()
    table.expect(wanted(master(), permanent=True), 0)
    assert table.arrive(arriving(sport=1), 1) is table.arrive(arriving(sport=2), 2) is not None


def test_inactive_one_waits_for_its_helper():
    """It is there, and clashes, but nobody is let in by it."""
    table, one = Expectations(), wanted(master(), inactive=True)
    table.expect(one, 0)
    assert table.arrive(arriving(), 1) is None
    one.inactive = False
    assert table.arrive(arriving(), 1) is one


@pytest.mark.parametrize(
    ("connection", "fits"),
    [
        (arriving(), True),
        (arriving(sport=4711), True),
        (arriving(src=OTHER), False),
        (arriving(dst=OTHER), False),
        (arriving(2001), False),
        (arriving(zone=1), False),
        (Tuple(4, 17, SERVER, 20, CLIENT, 2000), False),
        (Tuple(6, 6, SERVER, 20, CLIENT, 2000), False),
    ],
)
def test_any_source_port_and_nothing_else(connection, fits):
    """The mask of an FTP data connection."""
    table, one = Expectations(), wanted(master())
    table.expect(one, 0)
    assert one.fits(connection) == fits
    assert (table.find(connection, 0) is one) == fits


def test_masks_of_networks_and_ports():
    """A broadcast question is answered by anyone of the network, from one port."""
    table = Expectations()
    table.expect(wanted(master(), src=0x0A0000FF, src_mask=0xFFFFFF00, sport=137, sport_mask=0xFFFF), 0)
    assert table.find(arriving(src=0x0A000042, sport=137), 0)
    assert not table.find(arriving(src=0x0A000142, sport=137), 0)
    assert not table.find(arriving(src=0x0A000042, sport=138), 0)


def test_time_out_is_exact():
    """Alive a nanosecond before its end, gone at it."""
    watch = Watch()
    table = Expectations(on_death=watch)
    table.expect(wanted(master()), 10)
    assert table.find(arriving(), 10 + 300 * NS - 1)
    assert not table.find(arriving(), 10 + 300 * NS)
    assert watch.deaths == [(2000, "EXPIRED", 10 + 300 * NS)]


def test_repeated_announcement_starts_the_time_again():
    """The same master says the same: one is pending, with the new time."""
    table, of = Expectations(), master()
    table.expect(wanted(of), 0)
    table.expect(wanted(of), 200 * NS)
    assert len(table) == 1
    assert table.find(arriving(), 400 * NS)


def test_two_masters_cannot_expect_the_same():
    """The second is refused, unless it may take the first for its own."""
    table = Expectations()
    table.expect(wanted(master(1)), 0)
    assert table.expect(wanted(master(2)), 0) == Outcome.CLASH
    assert table.expect(wanted(master(2), skip_master=True), 0) == Outcome.TAKEN


def test_same_master_another_class():
    """Nothing is made of it."""
    of = master(helper=helper(Policy(1, NS), Policy(1, NS)))
    table = Expectations()
    table.expect(wanted(of), 0)
    assert table.expect(wanted(of, kind=1), 0) == Outcome.TAKEN


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ({"src": 0, "src_mask": ANY}, {}, Outcome.CLASH),
        ({}, {"src": 0, "src_mask": ANY}, Outcome.CLASH),
        ({}, {"src": OTHER}, Outcome.MADE),
        ({}, {"dport": 2001}, Outcome.MADE),
        ({"sport": 5, "sport_mask": 0xFFFF}, {"sport": 6, "sport_mask": 0xFFFF}, Outcome.MADE),
        ({"sport": 5, "sport_mask": 0xFFFF}, {}, Outcome.CLASH),
    ],
)
def test_overlapping_tuples_clash(first, second, outcome):
    """Some connection would fit both."""
    table = Expectations()
    table.expect(wanted(master(1), **first), 0)
    assert table.expect(wanted(master(2), **second), 0) == outcome


def test_oldest_of_a_class_makes_room():
    """As many as the helper's policy says; another class has a limit of its own."""
    watch = Watch()
    table, of = Expectations(on_death=watch), master(helper=helper(Policy(2, NS), Policy(1, NS)))
    for port, kind in ((1, 1), (2, 0), (3, 0), (4, 0)):
        assert table.expect(wanted(of, port, kind=kind), 0) == Outcome.MADE
    assert watch.deaths == [(2, "EVICTED", 0)]
    assert sorted(each.tuple.dport for each in of.pending.values()) == [1, 3, 4]


def test_all_together_have_a_limit():
    """A million asked for, a few made."""
    table = Expectations(limit=10)
    of = master(helper=helper(Policy(0, NS)))
    outcomes = [table.expect(wanted(of, port % 60000, src=port), 0) for port in range(1000)]
    assert outcomes.count(Outcome.MADE) == len(table) == 10
    assert set(outcomes[10:]) == {Outcome.FULL}


def test_master_takes_its_expectations_along():
    """Its own, and no other's."""
    watch = Watch()
    table, one, other = Expectations(on_death=watch), master(1), master(2)
    table.expect(wanted(one, 1), 0)
    table.expect(wanted(other, 2), 0)
    table.forget(one, Death.ORPHANED, 7)
    assert watch.deaths == [(1, "ORPHANED", 7)]
    assert len(table) == 1


def test_refreshed_end():
    """A helper may prolong or shorten; the old end is forgotten."""
    table, one = Expectations(), wanted(master())
    table.expect(one, 0)
    for end in (400 * NS, 500 * NS, 400 * NS):
        table.refresh(one, end)
    assert table.find(arriving(), 399 * NS)
    assert not table.find(arriving(), 400 * NS)


def test_what_arrives_may_be_told():
    """A helper hears of it."""
    heard = []
    table, one = Expectations(), wanted(master(), arrived=lambda *told: heard.append(told))
    table.expect(one, 0)
    table.arrive(arriving(), 1, row=9)
    assert heard == [(one, 9, 1)]


def test_memory_stays_bounded_when_they_come_and_go():
    """The list of ends does not keep what was used long ago."""
    table, of = Expectations(), master()
    for turn in range(10_000):
        table.expect(wanted(of, turn % 50_000), turn)
        table.arrive(arriving(turn % 50_000), turn)
    assert len(table._heap) < 100


def test_look_up_looks_at_few_of_ten_thousand():
    """Ten thousand clients expect the same server port: one look each, whoever comes."""
    table = Expectations(limit=20_000)
    for number in range(10_000):
        table.expect(wanted(master(number), src=number, dst=SERVER), 0)
    bucket = next(iter(table._buckets.values()))
    assert (len(table), len(table._buckets), len(bucket)) == (10_000, 1, 1)
    assert table.find(arriving(src=7777, dst=SERVER), 0).tuple.src == 7777


def test_mirrored_one_is_met_by_either_tuple():
    """Once: it is one expectation, and its death clears both places."""
    for place in (CLIENT, OTHER):
        table, of = Expectations(), master()
        made = wanted(of)
        table.expect(made, 0)
        table.mirror(made, Tuple(4, 6, SERVER, 0, OTHER, 2100))
        assert (len(table), table.ports[2000], table.ports[2100]) == (1, 1, 1)
        assert table.arrive(arriving(2000 if place == CLIENT else 2100, dst=place), 5) is made
        assert (len(table), table.ports[2000], table.ports[2100], of.pending) == (0, 0, 0, {})
        assert table.arrive(arriving(), 6) is table.arrive(arriving(2100, dst=OTHER), 6) is None


def test_mirror_leaves_what_is_expected_already():
    """The kernel would pick another port then."""
    table, of, other = Expectations(), master(), master(2)
    made, there = wanted(of), wanted(other, 2100, dst=OTHER)
    table.expect(made, 0)
    table.expect(there, 0)
    table.mirror(made, there.tuple)
    assert made.also is None
    assert table.find(arriving(2100, dst=OTHER), 1) is there
    assert table.expect(wanted(master(3), 2100, dst=OTHER), 2) == Outcome.CLASH


def test_mirror_is_in_the_way_of_others():
    """As the tuple itself is."""
    table, of = Expectations(), master()
    made = wanted(of)
    table.expect(made, 0)
    table.mirror(made, Tuple(4, 6, SERVER, 0, OTHER, 2100))
    assert table.expect(wanted(master(2), 2100, src=0, dst=OTHER, src_mask=ANY), 1) == Outcome.CLASH
