"""Answers that nobody asked for: forged DNS answers, and answers that the ruleset lets in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.causes import Cause, Kind, plural
from pcapaudit.findings.groups import Groups, split
from pcapaudit.findings.questions import WRONG_PORT, WRONG_SERVER, Questions
from pcapaudit.findings.scene import Scene, View
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["UnsolicitedReply"]

#: Senders remembered apart, and those of one kind that get a finding each; more become one finding.
MAX_SENDERS = 256
SINGLE_SENDERS = 3

SYN_ACK, ECHO_REPLY = 2, 3
_KINDS = {
    WRONG_SERVER: (
        "dns-wrong-server",
        "DNS answers to a socket that had asked another server",
        "Somebody tries to poison the resolver: the next ones may hit. "
        "Ports and ids must be random (RFC 5452); better is DNSSEC or DNS over TLS.",
    ),
    WRONG_PORT: (
        "dns-wrong-port",
        "DNS answers to another port than the one that had asked it",
        "Either a forger who guesses ports, or a NAT on the way that changes them: compare with a capture on its other side.",
    ),
    SYN_ACK: (
        "syn-ack",
        "SYN-ACKs without a SYN, and they were accepted",
        "Drop ct state invalid before anything is accepted: a filter that lets SYN-ACKs in by their port is what state is to replace.",
    ),
    ECHO_REPLY: (
        "echo-reply",
        "echo replies without a request, and they were accepted",
        "Accept ICMP by ct state (established, related) and not by type: echo replies carry tunnels and say who is there.",
    ),
}


class UnsolicitedReply:
    """Answers to questions that were not asked.

    ## What it does
    Reports two things. DNS answers that come from a server that was not asked, or to a port that did not ask, **while** that socket or
    host waits for an answer: the mark of forging. And SYN-ACKs and echo replies without a request that the ruleset **accepted**. Other
    answers without a question are refused and counted as `unsolicited-inbound`.

    ## Why it matters
    Forged answers are how resolvers are poisoned; state (the whole five-tuple, not only the port) is what holds them off. Accepted
    ones show a hole: a rule that looks at ports or types where it should look at the connection.

    ## Example
    `captures/dns-forged.pcap`: a query, an answer from a server that was not asked, one to a wrong port, the true one.

    ## Source
    RFC 5452 section 9; Linux nf_conntrack: a SYN-ACK or an echo reply opens no connection.
    """

    code: ClassVar[str] = "unsolicited-reply"
    severity: ClassVar[Severity] = Severity.HIGH
    reads: ClassVar[tuple[str, ...]] = ("dns", "let_in")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._questions = Questions(scene.inside)
        self._groups: Groups[tuple[int, str], Cause] = Groups(MAX_SENDERS, Cause)
        self._names: dict[tuple[int, str], str] = {}

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Note the questions, then look at answers without one."""
        view = self._scene.view(batch, verdicts)
        dns = view.marked["dns"]
        if len(dns):
            odd, kinds = self._questions.read(batch, verdicts, dns, view.claimed)
            for kind in (WRONG_SERVER, WRONG_PORT):
                self._take(view, odd[kinds == kind], kind)
        # Conntrack calls these invalid and the ruleset let them in; or it lets them open a connection (tracking is off).
        let_in = view.marked["let_in"]
        if len(let_in):
            let_in = let_in[~view.claimed[let_in]]
            flags = view["tcp_flags"][let_in] & (consts.TCP_SYN | consts.TCP_ACK)
            tcp = (view["proto"][let_in] == consts.PROTO_TCP) & (flags == consts.TCP_SYN | consts.TCP_ACK)
            echo = view["reason"][let_in] == consts.REASON_ICMP_NO_REQUEST
            self._take(view, let_in[tcp], SYN_ACK)
            self._take(view, let_in[echo], ECHO_REPLY)

    def on_flows(self, rows: Any) -> None:
        """Flows say nothing more."""

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One a sender and kind."""
        found = []
        for number, (name, what, advice) in _KINDS.items():
            causes = [(key, cause) for key, cause in self._groups.items() if key[0] == number]
            kind = Kind(
                self.code,
                Severity.HIGH if number == WRONG_SERVER else Severity.MEDIUM,
                "RFC 5452 section 9" if number in {WRONG_SERVER, WRONG_PORT} else "Linux nf_conntrack; RFC 6092 section 3",
                advice,
            )
            ranked = sorted(causes, key=lambda item: -item[1].count)
            for key, cause in ranked[:SINGLE_SENDERS]:
                asked = f" for {self._names[key]}" if self._names.get(key) else ""
                message = f"{key[1]} sent {cause.first['destination']} {what}{asked}: {plural(cause.count, 'packet')}, {cause.fate}."
                further = len(ranked) - SINGLE_SENDERS
                if key == ranked[0][0] and further > 0:
                    message += f" {plural(further, 'more sender')} did the same."
                found.append(cause.violation(kind, message, kind=name, senders=len(ranked), name=self._names.get(key)))
        return found

    def _take(self, view: View, rows: Any, kind: int) -> None:
        if not len(rows):
            return
        view.claimed[rows] = True
        parts, rest = split(view["src_hi"][rows] ^ view["src_lo"][rows], 64, 8)
        self._groups.missed += len(rest)
        for at in parts:
            key = (kind, view.address(int(rows[at[0]]), "src"))
            cause = self._groups.at(key, len(at))
            if cause is None:
                continue
            if not cause.count and kind in {WRONG_SERVER, WRONG_PORT}:
                self._names[key] = _name(view.payload(int(rows[at[0]])))
            cause.add(view, rows[at])


def _name(payload: bytes) -> str:
    """The name that a DNS message asks for, empty if it cannot be read."""
    import dpkt

    try:
        questions = dpkt.dns.DNS(payload).qd
    except Exception:  # noqa: BLE001  # a hostile message may raise anything in dpkt, and its name is no more than a hint
        return ""
    name = questions[0].name if questions else ""
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in name)[:100]
