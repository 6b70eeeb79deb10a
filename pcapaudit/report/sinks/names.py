"""Texts for the numbers in columns: the fixed vocabulary, and what depends on the run (rules, chains, interfaces, zones)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pcapaudit.core import consts, vocab

if TYPE_CHECKING:
    from pcapaudit.replay.consumer import Context

__all__ = ["STATE_SHIFTS", "Names"]

#: Protocol → where the names of its states begin in ``Names.tcp_states``, 16 for each; those of TCP begin at 0.
STATE_SHIFTS = {consts.PROTO_SCTP: 16, consts.PROTO_DCCP: 32}

#: A table of texts by number; None where the number means "nothing".
Texts = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Names:
    """Tables of texts by number; a number beyond its table has no text, and is written as no value."""

    #: file:line by rule id; behind the last rule, file:line of the policy by chain id (see ``place_of_chain``).
    places: Texts
    #: Family, table and name by chain id.
    chains: Texts
    #: Interface names of the topology.
    interfaces: Texts
    #: Zone names of the topology, by interface index.
    zones: Texts
    #: Where the policies begin in ``places``.
    place_of_chain: int = 0
    booleans: Texts = ("false", "true")
    protocols: Texts = tuple(vocab.PROTOCOLS.get(number, str(number)) for number in range(256))
    verdicts: Texts = ()
    reasons: Texts = ()
    hooks: Texts = ()
    ct_states: Texts = ()
    directions: Texts = ()
    #: Of TCP, and behind them of other protocols, see STATE_SHIFTS.
    tcp_states: Texts = ()
    ends: Texts = ()
    helpers: Texts = ()
    #: By union of flags.
    tcp_flags: Texts = ()
    #: By bit number.
    ct_status: Texts = ()
    #: By bit number.
    anomalies: Texts = ()

    @classmethod
    def of_run(cls, context: Context) -> Names:
        """The names that hold in one run."""
        program, topology = context.program, context.topology
        places: list[str | None] = [program.location(rule.id) if rule else None for rule in program.rules]
        policies = [f"{chain.path}:{chain.policy_line}" if chain else None for chain in program.chains]
        return cls(
            places=places + policies,
            place_of_chain=len(places),
            chains=[f"{chain.family} {chain.table} {chain.name}" if chain else None for chain in program.chains],
            interfaces=topology.interfaces,
            zones=[zone.name for zone in topology.zones],
            verdicts=_table(vocab.VERDICTS),
            reasons=_table(vocab.REASONS),
            hooks=_table(vocab.HOOKS),
            ct_states=_table(vocab.CT_STATES),
            directions=_table(vocab.DIRECTIONS),
            tcp_states=_states(),
            ends=_table(vocab.END_REASONS),
            helpers=_table(vocab.HELPERS),
            tcp_flags=[_flag_letters(union) or None for union in range(256)],
            ct_status=_bits({number.bit_length() - 1: name for number, name in vocab.CT_STATUS_BITS.items()}),
            anomalies=_bits(vocab.ANOMALIES),
        )


def _table(vocabulary: Mapping[int, str]) -> Texts:
    return [vocabulary.get(number) or None for number in range(max(vocabulary) + 1)]


def _states() -> Texts:
    """Names of the states of TCP, SCTP and DCCP, each protocol's where STATE_SHIFTS says."""
    shifted = dict(vocab.TCP_STATES)
    for proto, states in ((consts.PROTO_SCTP, vocab.SCTP_STATES), (consts.PROTO_DCCP, vocab.DCCP_STATES)):
        shifted |= {number + STATE_SHIFTS[proto]: name for number, name in states.items()}
    return _table(shifted)


def _bits(vocabulary: Mapping[int, str]) -> Texts:
    return [vocabulary.get(bit, f"bit-{bit}") for bit in range(max(vocabulary) + 1)]


def _flag_letters(union: int) -> str:
    return "".join(letter for bit, letter in enumerate(vocab.TCP_FLAG_LETTERS) if union >> bit & 1)
