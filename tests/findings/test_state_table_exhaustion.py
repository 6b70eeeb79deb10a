"""A table that is full, nearly full, or filled by the unanswered."""

from __future__ import annotations

from crowd_flows import judged, many
from findings_of import findings_in
from sample_run import START_NS
from scenes import ACCEPT_ALL, tcp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core import consts
from pcapaudit.findings.state_table_exhaustion import StateTableExhaustion
from pcapaudit.findings.violation import Severity

SYN = {"tcp_flags": (consts.TCP_SYN, 0), "packets": (1, 0), "end_ns": START_NS + 400 * 1_000_000_000}


def syns(count):
    """SYNs from so many sources, half a millisecond apart."""
    return [(k / 2000, tcp(f"198.51.{k >> 8}.{k & 255}:1000", "10.0.0.1:80", "S", k)) for k in range(count)]


def found(packets, most):
    """The findings with this code under a limit."""
    config = ConntrackConfig().with_sysctl("nf_conntrack_max", str(most))
    return [each for each in findings_in(packets, ACCEPT_ALL, config=config) if each.code == "state-table-exhaustion"]


def test_full_table():
    """Packets that found no room: nothing is worse."""
    (violation,) = found(syns(200), 50)
    assert (violation.severity, violation.evidence["most_entries"], violation.count) == (Severity.CRITICAL, 50, 150)
    assert violation.message == (
        "The table held 50 entries at most, of 50 of nf_conntrack_max, 50 of them without an answer; 0 packets found no room, "
        "150 entries were thrown out early."
    )


def test_nearly_full_table():
    """Nobody was refused yet."""
    (violation,) = found(syns(90), 100)
    assert (violation.severity, violation.evidence["refused_for_room"]) == (Severity.HIGH, 0)


def test_room_enough():
    """The same traffic, a larger table."""
    assert not found(syns(90), 1000)
    assert not found(syns(90), 0)


def test_filled_by_the_unanswered():
    """Far from the limit, but most of them are nobody's; and the forecast."""
    (violation,), _ = judged(StateTableExhaustion, *many(12_000, SYN, step_ns=1_000_000))
    assert (violation.evidence["unreplied_then"], violation.evidence["limit"]) == (12_000, 262_144)
    assert violation.evidence["forecast_entries"] > 262_144
    assert violation.severity == Severity.HIGH


def test_many_answered_entries():
    """A busy server."""
    answered = {**SYN, "packets": (5, 5), "first_reply_ns": START_NS + 20 * 1_000_000_000}
    rows = many(12_000, answered, step_ns=1_000_000, first_reply_ns=lambda i: START_NS + (i + 1) * 1_000_000)
    assert judged(StateTableExhaustion, *rows)[0] == []


def test_blocked_flows_have_no_entry():
    """A flood that the ruleset refused."""
    assert judged(StateTableExhaustion, *many(12_000, {**SYN, "blocked": 1}, step_ns=1_000_000))[0] == []
