"""What the compiler makes and the evaluator runs: flat arrays, and what reports say of rules and chains."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from pcapaudit.rules.machine import Machine
from pcapaudit.rules.model import ConnCount, Element, Key, NamedSet, Nat, Rule
from pcapaudit.rules.nft.printer import format_rule
from pcapaudit.rules.ops import OP_DROP
from pcapaudit.rules.prefilter import Filters
from pcapaudit.rules.reached import ReachedLog

__all__ = ["BasePlan", "ChainInfo", "DynamicSet", "NatPlan", "Program", "RuleInfo", "Tally"]


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What reports say of a rule."""

    #: Its id, as in the column ``rule``; ids count from 1 through the chains in order.
    id: int
    family: str
    table: str
    chain: str
    #: File, 1-based line and column of its first word.
    path: str
    line: int
    column: int
    #: The rule itself.
    rule: Rule

    @property
    def text(self) -> str:
        """The rule, normalised."""
        return format_rule(self.rule)

    @property
    def comment(self) -> str:
        """The person's remark."""
        return self.rule.comment


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """What reports say of a chain."""

    #: Its id, as in the column ``chain``; from 1.
    id: int
    family: str
    table: str
    name: str
    #: Hook, priority and policy of a base chain; empty, 0 and empty for others.
    hook: str
    priority: int
    policy: str
    #: Where the policy is written (or the chain, if it is not), as ``file`` and line.
    path: str
    policy_line: int


@dataclass(frozen=True, slots=True)
class BasePlan:
    """A base chain in the order of evaluation."""

    #: Index of the chain.
    chain: int
    #: HOOK_ number.
    hook: int
    priority: int
    #: VERDICT_ of its policy.
    policy: int
    #: IP versions it sees.
    l3: tuple[int, ...]
    #: It is a nat chain: it sees the first packet of a connection only.
    is_nat: bool = False
    #: Its devices' row in ``Program.ifaces``; 0 when it stands at no device.
    gate: int = 0
    #: How much of the packet is translated when it gets here (see ``view``).
    stage: int = 0


@dataclass(frozen=True, slots=True)
class NatPlan:
    """A NAT statement, and what its maps may yield."""

    #: The statement.
    statement: Nat
    #: IP version, 0 when both can be.
    l3: int
    #: What it translates addresses to: for each element of its map, or once, the parts (first, last) of the value: an address, or an
    #: address and a port; empty where it names none.
    addresses: tuple[tuple[tuple[int, int], ...], ...] = ()
    #: Ports in the same way.
    ports: tuple[tuple[tuple[int, int], ...], ...] = ()
    #: The value is read of the packet: the evaluator keeps it.
    reads_address: bool = False
    reads_port: bool = False


@dataclass(frozen=True, slots=True)
class DynamicSet:
    """A set that ``dynamic`` keeps."""

    #: Family, table and name.
    name: tuple[str, str, str]
    #: Parts of its key.
    parts: int
    #: Largest number of elements.
    size: int
    #: Lifetime of elements that are given none, ns; 0 for ever.
    timeout_ns: int
    #: Index (plus 1) into ``Program.updates`` of the statement that listed elements hold; 0 for none.
    update: int = 0
    #: Words of the key (hi, lo of each part) and lifetime of the elements that the ruleset lists.
    elements: tuple[tuple[tuple[int, ...], int], ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """A set or map that a rule asks, whose elements coverage tells apart."""

    #: Id of the rule.
    rule: int
    #: The set, if it has a name; None for one that is written in the rule.
    known: NamedSet | None
    keys: tuple[Key, ...]
    elements: tuple[Element, ...]
    #: For a verdict map its first slot, whose slots stand for its elements; None where look-ups are logged.
    slot: int | None = None


@dataclass(slots=True)
class Program:
    """A compiled ruleset. The arrays are described in ``ops``."""

    #: By id; index 0 is None.
    rules: list[RuleInfo | None] = field(default_factory=lambda: [None])
    #: By id; index 0 is None.
    chains: list[ChainInfo | None] = field(default_factory=lambda: [None])
    #: What the person should know.
    notes: list[str] = field(default_factory=list)
    #: Base chains before conntrack exist.
    has_raw: bool = False
    #: Verdicts depend on packets of other flows (limits): must not be sharded.
    has_global_state: bool = False
    #: Begins with an END, and a DROP at ``ops.DROP_AT``.
    code: array[int] = field(default_factory=lambda: array("I", [*[0] * 4, OP_DROP, 0, 0, 0]))
    #: For each instruction the place of its statement in the rule (with a verdict map replaced by a match and a verdict).
    origins: array[int] = field(default_factory=lambda: array("I", [0, 0]))
    loads: array[int] = field(default_factory=lambda: array("I"))
    pool: array[int] = field(default_factory=lambda: array("Q", [0]))
    #: Answer of each interface test for each interface; the last two columns are "none" and "unknown".
    ifaces: array[int] = field(default_factory=lambda: array("B", [0]))
    #: Names of the interfaces as numbers, hi and lo.
    iface_names: array[int] = field(default_factory=lambda: array("Q"))
    #: Names of the interfaces, in the order of the columns iif and oif.
    interfaces: tuple[str, ...] = ()
    #: What rules can ask of the firewall's routes and interfaces.
    machine: Machine = field(default_factory=Machine)
    #: A rule takes one slot, or one for each element of its verdict map: first instruction, and rule id, of each slot.
    slot_start: array[int] = field(default_factory=lambda: array("I"))
    #: The same without the matches that the chain's filter has answered.
    slot_short: array[int] = field(default_factory=lambda: array("I"))
    slot_rule: array[int] = field(default_factory=lambda: array("I"))
    #: Where evaluators write what packets reach, and the sets whose look-ups they write; None where nobody asks for coverage.
    log: ReachedLog | None = None
    tallies: list[Tally] = field(default_factory=list)
    #: By rule id: 1 for rules that reject with a TCP reset.
    resets: array[int] = field(default_factory=lambda: array("B", [0]))
    #: First slot, and slot after the last, of each chain, by index (id - 1).
    chain_first: array[int] = field(default_factory=lambda: array("I"))
    chain_stop: array[int] = field(default_factory=lambda: array("I"))
    #: Head of each chain's filter, by index; 0 for none.
    chain_filter: array[int] = field(default_factory=lambda: array("I"))
    filters: Filters = field(default_factory=Filters)
    limits: array[int] = field(default_factory=lambda: array("q"))
    quotas: array[int] = field(default_factory=lambda: array("q"))
    #: Sets that packets write to, or whose elements live for a time, and the statements that write.
    dynamic_sets: list[DynamicSet] = field(default_factory=list)
    updates: array[int] = field(default_factory=lambda: array("q"))
    #: Counts of connections that rules keep.
    counts: list[ConnCount] = field(default_factory=list)
    #: How long elements live that the ruleset lists and nobody writes, from the first packet on (ns; 0: for ever).
    lifetimes: array[int] = field(default_factory=lambda: array("q"))
    #: Times that each list of recent addresses keeps of one, and the rules' looks at the lists.
    recent_rings: list[int] = field(default_factory=list)
    recent_rules: array[int] = field(default_factory=lambda: array("Q"))
    #: Rules look at marks of connections, or set them: the loop must bring them along.
    uses_ct_mark: bool = False
    #: Rules look at the helpers that announced connections.
    uses_ct_helper: bool = False
    #: Rules give connections helpers.
    sets_helpers: bool = False
    #: Rules ask what connections carried, or when they end: the loop must bring that along.
    uses_ct_account: bool = False
    #: NAT statements, by operand of OP_NAT; IP versions that have nat chains.
    nats: list[NatPlan] = field(default_factory=list)
    nat_l3: tuple[int, ...] = ()
    #: Rules keep packets from conntrack.
    has_notrack: bool = False
    #: plan[raw][path][l3 is 6]: base chains in order.
    plans: list[list[list[list[BasePlan]]]] = field(default_factory=list)
    #: Path taken for the truth when a packet's is unknown.
    main_path: int = 1

    def location(self, rule_id: int) -> str:
        """``file:line`` of a rule."""
        rule = self.rules[rule_id]
        return "" if rule is None else f"{rule.path}:{rule.line}"

    def flat_plans(self) -> tuple[memoryview, memoryview]:
        """Base chains in order, and where in that list each way through the hooks begins and ends: (bases, plans) for the evaluator."""
        bases, plans = array("I"), array("I")
        for paths in self.plans:
            for versions in paths:
                for chains in versions:
                    plans.append(len(bases))
                    for each in chains:
                        bases.extend((each.chain, each.hook, each.policy, each.is_nat, each.gate, each.stage))
                    plans.append(len(bases))
        return memoryview(array("I", [*bases, 0])), memoryview(plans)
