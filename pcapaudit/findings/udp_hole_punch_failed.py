"""UDP paths that two hosts wanted and did not get, and who was in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.punching import filtering
from pcapaudit.findings.scene import Refusal, Scene, flow_ends, flow_hosts
from pcapaudit.findings.udp_hole_punch import LOWEST_PORT, Path
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["UdpHolePunchFailed"]

#: Flows whose ICMP errors are remembered, and rows of a batch that are looked at.
MAX_FLOWS = 4096
MAX_ROWS_A_BATCH = 64
#: Attempts remembered, and those that get a finding each; more become one finding.
MAX_ATTEMPTS = 1024
SINGLE_ATTEMPTS = 3


class UdpHolePunchFailed:
    """A UDP path between two willing hosts that did not come about.

    ## What it does
    Finds attempts to punch a hole that came to nothing, and says who was in the way: the peer's side answered the first datagram with
    *port unreachable*; the socket inside had been closed when the peer's datagrams came; **this** firewall refused, or rejected with
    an ICMP error, datagrams that the peer sent from another port than the one at which the inside had knocked (its NAT is symmetric);
    or the peer was silent, though somebody had named it to the socket, or the socket had asked for its own address by STUN and sent it 20
    packets and more. With the filtering of RFC 4787 under which it would have worked, and the relay that was taken instead.

    ## Why it matters
    A *reject* that is meant to be polite tells the peer at once that nobody is there, and most programs give up: drop early datagrams
    silently, and a moment later they are answers. Calls and games that fail "sometimes" fail here.

    ## Example
    `captures/punch-rejected-wan.pcap` with `--local 198.51.100.2`: the far NAT rejects, the client gives up, the peer comes too late.

    ## Source
    RFC 4787 section 5 (filtering); RFC 5128 section 3.3; RFC 5382 REQ-4 (wait before an error); RFC 8656 (TURN).
    """

    code: ClassVar[str] = "udp-hole-punch-failed"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("errors",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: By host inside, its port, host outside: first flow that went out without an answer, and first that was refused on the way in.
        self._out: Groups[tuple[str, int, str], dict[str, Any]] = Groups(MAX_ATTEMPTS, dict)
        self._refused: Groups[tuple[str, int, str], dict[str, Any]] = Groups(MAX_ATTEMPTS, dict)

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Remember who sent an ICMP error about which flow."""
        view = self._scene.view(batch, verdicts)
        refusals = self._scene.refusals
        for row in view.marked["errors"][:MAX_ROWS_A_BATCH].tolist():
            unreachable = int(view["icmp_type"][row]) == (3 if view["l3"][row] == 4 else 1)
            flow = int(view["flow"][row])
            from_inside = bool(self._scene.inside[view["iif"][row]])
            known = refusals.get(flow)
            # An error of the socket inside says more than one of the peer.
            if unreachable and flow and len(refusals) < MAX_FLOWS and (known is None or (from_inside and not known.from_inside)):
                peer_frame = known.frame if known else 0
                refusals[flow] = Refusal(view.frame(row), view.address(row, "src"), from_inside, peer_frame)

    def on_flows(self, rows: Any) -> None:
        """Join what went out in vain with what was refused from the same host on its way to the same socket."""
        flows = self._scene.flows(rows)
        udp = (flows["proto"] == consts.PROTO_UDP) & ~flows.answered & (flows["sport"] >= LOWEST_PORT) & (flows["dport"] >= LOWEST_PORT)
        if not udp.any():
            return
        outward = udp & self._scene.inside[flows["iif"]] & self._scene.outside[flows["oif"]] & (flows["blocked"] == 0)
        inward = udp & self._scene.outside[flows["iif"]] & (flows["blocked"] != 0)
        for at in np.flatnonzero(outward)[:MAX_ROWS_A_BATCH].tolist():
            source, target = flow_hosts(rows[at])
            _note(self._out.at((source, int(rows[at]["sport"]), target)), rows[at])
        for at in np.flatnonzero(inward)[:MAX_ROWS_A_BATCH].tolist():
            source, target = flow_hosts(rows[at])
            _note(self._refused.at((target, int(rows[at]["dport"]), source)), rows[at])

    def on_end(self) -> None:
        """Nothing is held back."""

    def violations(self) -> Sequence[Violation]:
        """One an attempt, or one for all when there are many."""
        found = [_of_path(path, refusal) for path, refusal in self._scene.failed]
        known = {(each.evidence["local"], each.evidence["peer_host"]) for each in found}
        for key, refused in self._refused.items():
            out = self._out.get(key)
            if out is None or refused["peer_port"] == out["port"] or (key[0], key[2]) in self._scene.punched:
                continue
            made = self._from_another_port(key, out, refused)
            if (made.evidence["local"], made.evidence["peer_host"]) not in known:
                found.append(made)
        found.sort(key=lambda each: each.first_frame)
        for each in found:
            self._scene.explained[each.evidence["peer_host"], each.evidence["local_host"]] += each.evidence["refused"]
        if len(found) <= SINGLE_ATTEMPTS:
            return found
        return [_merged(found, self._out.missed + self._refused.missed)]

    def _from_another_port(self, key: tuple[str, int, str], out: dict[str, Any], refused: dict[str, Any]) -> Violation:
        local, peer = flow_ends(out["row"])
        how = "rejected (your reject answered with port unreachable)" if refused["rejected"] else "dropped"
        return _violation(
            (int(out["row"]["flow"]), int(out["row"]["first_frame"]), refused["last_frame"]),
            f"{local} knocked at {peer}, and {key[2]} came from port {refused['peer_port']} instead of {out['port']}: its NAT "
            f"is symmetric, and this firewall {how} {refused['count']} datagrams; "
            "with address-dependent filtering they would have been let in.",
            {
                "by": "this firewall's reject" if refused["rejected"] else "this firewall",
                "local": local,
                "peer": peer,
                "local_host": key[0],
                "peer_host": key[2],
                "refused": refused["count"],
                "rejected": bool(refused["rejected"]),
                "first_refused_frame": refused["first_frame"],
                "first_datagram_let_in": filtering(mapped_before=True, host_known_before=True, first_from_inside=False),
            },
            int(refused["row"]["rule"]),
        )


def _note(place: dict[str, Any] | None, row: Any) -> None:
    """Remember the first flow of its kind between a socket and a host, and how many packets all of them had."""
    if place is None:
        return
    if not place:
        place |= {"row": row.copy(), "first_frame": int(row["first_frame"]), "count": 0, "rejected": 0, "last_frame": 0}
        place |= {"port": int(row["dport"]), "peer_port": int(row["sport"])}
    place["count"] += int(row["packets"][0])
    place["rejected"] += int(row["rejected"])
    place["last_frame"] = max(place["last_frame"], int(row["last_frame"]))


def _of_path(path: Path, refusal: Refusal | None) -> Violation:
    """An attempt that one of the two could see was wanted."""
    evidence = path.evidence
    if refusal is None:
        by, how = "silence", f"{path.peer} was never heard"
    elif refusal.from_inside:
        by = "peer's side" if refusal.peer_frame else "closed socket"
        first = f"its side answered the first datagram with port unreachable in frame {refusal.peer_frame}, and "
        early = first if refusal.peer_frame else ""
        how = f"{early}{refusal.sender} had closed its socket when the peer's datagrams came (port unreachable, frame {refusal.frame})"
    else:
        by, how = "peer's side", f"{refusal.sender} answered with port unreachable in frame {refusal.frame}"
    relay = f"; {evidence['relayed_by']} relayed instead" if evidence["relayed_by"] else ""
    who, where = evidence["introduced_by"], evidence["introduced_in_frame"]
    told = f"{who} had named the peer in frame {where}, " if who else ""
    if evidence.get("asked_stun_server"):
        server, frame, sent = evidence["asked_stun_server"], evidence["asked_in_frame"], evidence["packets"][0]
        told = f"its socket had asked {server} by STUN in frame {frame}, {sent} packets went out, "
    return _violation(
        (path.flow, path.frame, path.last_frame),
        f"{path.local} and {path.peer} did not get a path: {told}{how}{relay}.",
        {**evidence, "by": by, "error_frame": refusal.frame if refusal else None, "refused": evidence["refused_before"]},
        0,
    )


def _merged(found: list[Violation], missed: int) -> Violation:
    """One finding for many attempts."""
    first = found[0]
    by: dict[str, int] = {}
    for each in found:
        by[each.evidence["by"]] = by.get(each.evidence["by"], 0) + 1
    causes = ", ".join(f"{count} by {who}" for who, count in sorted(by.items(), key=lambda item: (-item[1], item[0])))
    return _violation(
        (first.flow, first.first_frame, max(each.last_frame for each in found)),
        f"{len(found)} paths were wanted and did not come about ({causes}); for example: {first.message}",
        {"attempts": len(found), "by": by, "example": dict(first.evidence), "not_told_apart": missed},
        first.rule,
        len(found),
    )


def _violation(where: tuple[int, int, int], message: str, evidence: dict[str, Any], rule: int, count: int = 1) -> Violation:
    flow, first_frame, last_frame = where
    return Violation(
        code=UdpHolePunchFailed.code,
        severity=Severity.LOW,
        flow=flow,
        first_frame=first_frame,
        last_frame=last_frame,
        count=count,
        message=message,
        evidence=evidence,
        rule=rule,
        source="RFC 4787 section 5; RFC 5128 section 3.3; RFC 5382 REQ-4",
        advice=(
            "If peer-to-peer traffic is wanted: drop unknown UDP silently instead of rejecting it, and offer a TURN relay for peers behind "
            "a symmetric NAT. If it is not, all is well."
        ),
    )
