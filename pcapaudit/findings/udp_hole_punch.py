"""UDP paths opened from both sides: two hosts behind filters send to each other until the filters take it for answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, ClassVar

import numpy as np

from pcapaudit.core import consts
from pcapaudit.core.columns import PacketBatch, VerdictBatch
from pcapaudit.core.spans import span
from pcapaudit.findings.groups import Groups
from pcapaudit.findings.punching import filtering, is_classic_request, is_relaying, read_stun
from pcapaudit.findings.recent import Recent, tuple_keys
from pcapaudit.findings.scene import SERVICE_PORTS, Scene, View, address_text, endpoint_text, flow_ends, flow_hosts
from pcapaudit.findings.violation import Severity, Violation

__all__ = ["Path", "UdpHolePunch"]

#: Five-tuples whose first packets are remembered, and those whose first flow is: 2 to the power of it.
MEMORY_BITS = 14
#: Sockets inside whose conversations are remembered.
MAX_SOCKETS = 4096
#: Answers kept for a socket, and how much of each: an introduction names the peer in one of the first.
MAX_ANSWERS = 4
MAX_ANSWER_BYTES = 512
#: A socket with more peers is part of a mesh, whose members answer whoever asks.
MAX_PEERS = 16
#: Rows of a batch that are looked at one by one.
MAX_ROWS_A_BATCH = 32
#: Punched paths remembered, and those that get a finding each; more become one finding.
MAX_PATHS = 1024
SINGLE_PATHS = 3
#: Ports of a pair of hosts that are remembered, and so many tried in vain are a method.
MAX_TRIES = 512
LEAST_TRIES = 16
#: A path this old whose packets are this small on average (IP bytes) is kept open on purpose.
KEPT_SECONDS = 30.0
KEEPALIVE_BYTES = 120
#: Datagrams to a peer that was never heard that are more than a question asked again.
SILENT_PACKETS = 20
#: Neither end of a punched path is a service's port.
LOWEST_PORT = 1024
#: This soon after the start of the capture, refused packets may belong to a path that was open before it.
START_NS = 30_000_000_000

_STUN_COOKIE = 0x2112A442
_STUN_REQUEST = 0x0001
#: Where STUN servers listen (RFC 8489, and a well-known one): there, messages of its first edition are believed.
_STUN_PORTS = np.zeros(0x10000, np.bool_)
_STUN_PORTS[[3478, 5349, 19302]] = True
_REQUEST_BY_ONE, _REQUEST_BY_OTHER, _INTRODUCED = 1, 2, 4
_BOTH_ASKED = _REQUEST_BY_ONE | _REQUEST_BY_OTHER


#: Both halves of an address, and a port.
_Endpoint = tuple[int, int, int]


@dataclass(slots=True)
class _Socket:
    """An address and port inside, and whom it talks to."""

    #: Peers: address halves and port.
    peers: set[_Endpoint]
    #: (who, frame, payload) of the first answers.
    answers: list[tuple[str, int, bytes]]
    #: Relay that it uses; empty if none was seen.
    relay: str = ""
    #: Its first STUN request: frame, and to whom.
    asked: tuple[int, str] = (0, "")


@dataclass(frozen=True, slots=True)
class Path:
    """A punched path."""

    #: Flow number.
    flow: int
    #: First frame of the flow.
    frame: int
    #: Last frame.
    last_frame: int
    #: Endpoint inside.
    local: str
    #: Endpoint outside.
    peer: str
    #: ``crossed`` or ``outbound-first``.
    order: str
    #: Why it is one; numbers and names.
    evidence: dict[str, Any]
    #: What else it could be; empty if nothing.
    doubt: str


class UdpHolePunch:
    """A UDP path that two hosts opened through the firewall from both sides.

    ## What it does
    Finds UDP flows between two ports that belong to no service and where **both** ends sent on their own account:
    *crossed*, when the peer's datagrams were refused before the first one from inside opened the way; *outbound-first*, when the inside
    sent first and the peer's own connectivity checks followed (both ends send STUN binding requests, as ICE does), or when a third host had
    told the same socket the peer's address just before. A client's question with its answer is not one, whatever its ports, nor
    is a known path whose entry timed out. The evidence says under which filtering of RFC 4787 the peer's first datagram would have been let
    in, what STUN said, who introduced the two, how ports were guessed, and what keeps the path open.

    ## Why it matters
    A stateful policy says that nobody outside can open a connection. A hole punch is how two willing ends agree around it: from then
    on the peer reaches the inside socket, no inbound rule is involved, and nothing in a log of refused packets shows it. For telephony and
    games that is wanted; for a policy that forbids peer-to-peer traffic it is the gap.

    ## Example
    `captures/punch-wan.pcap` with `--local 198.51.100.2`: the peer knocks twice and is refused, the client knocks once, and then they talk.

    ## Source
    RFC 5128 section 3.3 (UDP hole punching); RFC 8445 (ICE); RFC 4787 (filtering behaviour).
    """

    code: ClassVar[str] = "udp-hole-punch"
    severity: ClassVar[Severity] = Severity.LOW
    reads: ClassVar[tuple[str, ...]] = ("young_udp",)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        #: First packets by five-tuple: frame and evidence bits.
        self._first = Recent(MEMORY_BITS, [("frame", "u8"), ("bits", "u1")])
        #: First flow of each five-tuple that ended: where it began.
        self._ended = Recent(MEMORY_BITS, [("first_frame", "u8")])
        self._sockets: Groups[_Endpoint, _Socket] = Groups(MAX_SOCKETS, lambda: _Socket(set(), []))
        self._introducers: dict[tuple[str, str], tuple[str, int]] = {}
        #: Flow row, key and evidence bits of flows that may be paths.
        self._candidates: list[tuple[Any, Any, int]] = []
        #: Sockets and the hosts of which they asked a service.
        self._served = Recent(MEMORY_BITS, [])
        self._paths: list[Path] = []
        #: What the first STUN request on a five-tuple says: (local, peer) in text → facts.
        self._stun: dict[tuple[str, str], dict[str, Any]] = {}
        #: Pairs of hosts inside and outside: endpoints tried in vain, as numbers of the inner and outer port.
        self._tries: Groups[tuple[str, str], tuple[set[int], set[int]]] = Groups(MAX_PATHS, lambda: (set(), set()))
        self._missed = 0
        #: Flows of which the peer was never heard, and which were more than a few questions.
        self._silent: list[Any] = []
        #: Whether any UDP flow had an answer: where none has, the other direction is not in the capture.
        self._any_answer = False

    def on_batch(self, batch: PacketBatch, verdicts: VerdictBatch) -> None:
        """Look at the first packets of UDP flows."""
        view = self._scene.view(batch, verdicts)
        rows = view.marked["young_udp"]
        if not len(rows):
            return
        keys, sides = tuple_keys(view, rows)
        self._remember(view, rows, keys)
        self._note_requests(view, rows, keys, sides)
        state = view["ct_state"][rows]
        opening = (state == consts.CT_NEW) & self._scene.inside[view["iif"][rows]] & ~view.refused(rows)
        answering = (state == consts.CT_ESTABLISHED) & view.inbound(rows)
        for at in np.flatnonzero(opening | answering)[:MAX_ROWS_A_BATCH].tolist():
            if opening[at]:
                self._note_opening(view, int(rows[at]), keys[at : at + 1])
            else:
                self._note_answer(view, int(rows[at]))

    def on_flows(self, rows: Any) -> None:
        """Judge the UDP flows that have ended."""
        flows = self._scene.flows(rows)
        udp = np.flatnonzero((flows["proto"] == consts.PROTO_UDP) & (flows["blocked"] == 0))
        if not len(udp):
            return
        low = flows["dport"][udp] < LOWEST_PORT
        served = udp[low & self._scene.inside[flows["iif"][udp]]]
        if len(served):
            self._served.put(
                _socket_keys(flows["src_hi"][served], flows["src_lo"][served], flows["sport"][served], flows["dst_lo"][served])
            )
        found = udp[~low & (flows["sport"][udp] >= LOWEST_PORT)]
        if not len(found):
            return
        self._note_tries(flows, found[~flows.answered[found] & self._scene.inside[flows["iif"][found]]])
        keys = flows.keys(found)[0]
        _, known = self._ended.find(keys)
        self._ended.put(keys[~known][::-1], first_frame=flows["first_frame"][found][~known][::-1])
        places, seen = self._first.find(keys)
        bits = np.where(seen, self._first.places["bits"][places], 0)
        twoway = flows.answered[found]
        told = ((bits & _BOTH_ASKED) == _BOTH_ASKED) | ((bits & _INTRODUCED) != 0)
        local = self._scene.inside[flows["iif"][found]] & self._scene.outside[flows["oif"][found]]
        # Without an answer it is a path only that somebody wanted: its peer had been named to the socket.
        twoway |= (bits & _INTRODUCED) != 0
        self._any_answer |= bool(flows.answered[udp].any())
        self._note_silent(flows, found[local & ~twoway & (flows.sent[found] >= SILENT_PACKETS)])
        for at in np.flatnonzero(local & twoway & (told | (flows["blocked_before"][found] > 0))).tolist():
            if len(self._candidates) >= MAX_PATHS:
                self._missed += 1
            else:
                self._candidates.append((rows[found[at]].copy(), keys[at : at + 1], int(bits[at])))

    def on_end(self) -> None:
        """Judge the candidates, now that all flows between their hosts are known."""
        for row, key, bits in self._candidates:
            self._judge(row, bits, self._earliest(key))
        for row in self._silent:
            self._judge_silent(row)

    def violations(self) -> Sequence[Violation]:
        """One a path, or one for all when there are many."""
        for path in self._paths:
            self._scene.explained[path.evidence["peer_host"], path.evidence["local_host"]] += path.evidence["refused_before"]
        paths = sorted(self._paths, key=lambda path: path.frame)
        if len(paths) <= SINGLE_PATHS:
            return [_single(path) for path in paths]
        return [_merged(paths, self._missed)]

    def _remember(self, view: View, rows: Any, keys: Any) -> None:
        _, known = self._first.find(keys)
        if not known.all():
            fresh = rows[~known]
            self._first.put(keys[~known], frame=fresh + view.first_frame, bits=np.zeros(len(fresh), np.uint8))

    def _note_requests(self, view: View, rows: Any, keys: Any, sides: Any) -> None:
        """Mark five-tuples on which a side asks with a STUN binding request."""
        starts = view["payload_off"][rows].astype(np.intp)
        whole = np.flatnonzero((starts > 0) & (view["end_off"][rows] >= starts + 20))
        buffer = view.batch.buffer
        for at in whole[_STUN_PORTS[view["dport"][rows[whole]]]][: 4 * MAX_ROWS_A_BATCH].tolist():
            if is_classic_request(bytes(buffer[starts[at] : starts[at] + 8]), int(view["payload_len"][rows[at]])):
                self._note_asking(view, int(rows[at]))
        whole = whole[buffer[starts[whole] + 4] == _STUN_COOKIE >> 24]
        for at in whole[: 4 * MAX_ROWS_A_BATCH].tolist():
            head = bytes(buffer[starts[at] : starts[at] + 8])
            if head[4:] != _STUN_COOKIE.to_bytes(4, "big"):
                continue
            self._note_relay(view, int(rows[at]))
            if int.from_bytes(head[:2], "big") == _STUN_REQUEST:
                ends = view.source(int(rows[at])), view.destination(int(rows[at]))
                if len(self._stun) < MAX_PATHS and ends not in self._stun:
                    self._stun[ends] = read_stun(view.payload(int(rows[at])))
                places, known = self._first.find(keys[at : at + 1])
                if known[0]:
                    self._first.places["bits"][places[0]] |= _REQUEST_BY_OTHER if sides[at] else _REQUEST_BY_ONE
                self._note_asking(view, int(rows[at]))

    def _note_asking(self, view: View, row: int) -> None:
        """A socket inside that asks for its own address means to be reached by somebody."""
        if self._scene.inside[view["iif"][row]]:
            socket = self._sockets.at(_endpoint(view, row, "src"))
            if socket is not None and not socket.asked[0]:
                socket.asked = view.frame(row), view.destination(row)

    def _note_relay(self, view: View, row: int) -> None:
        """A socket inside that speaks TURN has a relay."""
        if self._scene.inside[view["iif"][row]] and is_relaying(view.payload(row, 20)):
            socket = self._sockets.at(_endpoint(view, row, "src"))
            if socket is not None and not socket.relay:
                socket.relay = view.destination(row)

    def _note_tries(self, flows: Any, at: Any) -> None:
        """Endpoints that were tried in vain: many of one pair of hosts are port prediction or a birthday attack."""
        for row in flows.rows[at[: 4 * MAX_ROWS_A_BATCH]]:
            tries = self._tries.at(flow_hosts(row))
            if tries is not None and len(tries[0]) + len(tries[1]) < MAX_TRIES:
                tries[0].add(int(row["sport"]))
                tries[1].add(int(row["dport"]))

    def _note_answer(self, view: View, row: int) -> None:
        """Keep the first answers that a socket inside gets: one of them may name a peer."""
        socket = self._sockets.get(_endpoint(view, row, "dst"))
        if socket is not None and len(socket.answers) < MAX_ANSWERS:
            socket.answers.append((view.source(row), view.frame(row), view.payload(row, MAX_ANSWER_BYTES)))

    def _note_opening(self, view: View, row: int, key: Any) -> None:
        """A socket inside turns to a peer: who told it?"""
        socket, peer = self._sockets.at(_endpoint(view, row, "src")), _endpoint(view, row, "dst")
        if socket is None or peer in socket.peers or len(socket.peers) > MAX_PEERS:
            return
        socket.peers.add(peer)
        if not socket.answers:
            return
        names = _forms(view.address(row, "dst"), peer[2])
        for who, frame, payload in socket.answers:
            if any(name in payload for name in names) and not payload.startswith(b"d1:"):
                places, known = self._first.find(key)
                if known[0] and len(self._introducers) < MAX_PATHS:
                    self._first.places["bits"][places[0]] |= _INTRODUCED
                    self._introducers[view.source(row), view.destination(row)] = (who, frame)
                return

    def _earliest(self, key: Any) -> int:
        places, known = self._ended.find(key)
        return int(self._ended.places["first_frame"][places[0]]) if known[0] else 0

    def _has_asked(self, row: Any) -> bool:
        """Whether the socket had asked a service of the same host, which then answers from another port, as TFTP does."""
        key = _socket_keys(*(np.array([row[name]]) for name in ("src_hi", "src_lo", "sport", "dst_lo")))
        return bool(self._served.find(key)[1][0])

    def _judge(self, row: Any, bits: int, earliest: int) -> None:
        """Decide whether a flow is a punched path."""
        l3 = int(row["l3"])
        local_host, peer_host = (address_text(int(row[f"{end}_hi"]), int(row[f"{end}_lo"]), l3) for end in ("src", "dst"))
        local, peer = endpoint_text(local_host, int(row["sport"])), endpoint_text(peer_host, int(row["dport"]))
        refused = int(row["blocked_before"])
        # The refused packets of a path that was open before are late ones, not knocks.
        crossed = (
            refused > 0 and not 0 < earliest < int(row["first_blocked_frame"]) and not (self._has_asked(row) or SERVICE_PORTS[row["dport"]])
        )
        asked = bits & _BOTH_ASKED == _BOTH_ASKED
        introducer = self._introducers.get((local, peer))
        refusal = self._scene.refusals.get(int(row["flow"]))
        if not (crossed or asked or introducer):
            return
        socket = self._sockets.get((int(row["src_hi"]), int(row["src_lo"]), int(row["sport"])))
        lasted = (int(row["last_ns"]) - int(row["first_ns"])) / 1e9
        is_small = int(row["bytes"].sum()) <= KEEPALIVE_BYTES * int(row["packets"].sum())
        evidence = {
            "order": "crossed" if crossed else "outbound-first",
            "local": local,
            "peer": peer,
            "local_host": local_host,
            "peer_host": peer_host,
            "refused_before": refused if crossed else 0,
            "first_refused_frame": int(row["first_blocked_frame"]) if crossed else None,
            "both_sent_stun_requests": asked,
            "introduced_by": introducer[0] if introducer else None,
            "introduced_in_frame": introducer[1] if introducer else None,
            "peers_of_the_socket": len(socket.peers) if socket else 1,
            "first_datagram_let_in": filtering(bool(socket and len(socket.peers) > 1) or not crossed, not crossed, not crossed),
            "stun": self._stun.get((local, peer)) or self._stun.get((peer, local)),
            "method": self._method(local_host, peer_host),
            "kept_alive_every_seconds": round(int(row["max_gap_ns"]) / 1e9, 3) if lasted >= KEPT_SECONDS and is_small else None,
            "relayed_by": (socket.relay if socket else "") or None,
            "milliseconds_to_first_answer": round((int(row["first_reply_ns"]) - int(row["first_ns"])) / 1e6, 3),
            "packets": row["packets"].tolist(),
            "bytes": row["bytes"].tolist(),
            "longest_pause_seconds": round(int(row["max_gap_ns"]) / 1e9, 3),
        }
        early = int(row["first_ns"]) - (self._scene.start_ns or 0) < START_NS
        doubt = "the capture may have begun in the middle of it" if early and not (asked or introducer) else ""
        order = str(evidence["order"])
        path = Path(int(row["flow"]), int(row["first_frame"]), int(row["last_frame"]), local, peer, order, evidence, doubt)
        silent = not int(row["packets"][1])
        if silent or (refusal is not None and refusal.from_inside):
            if len(self._scene.failed) < MAX_PATHS:
                self._scene.failed.append((path, refusal))
        else:
            self._scene.punched.add((local_host, peer_host))
            self._paths.append(path)

    def _note_silent(self, flows: Any, at: Any) -> None:
        """Flows out of which nothing came; a service's port is no peer's."""
        for row in flows.rows[at[~SERVICE_PORTS[flows["dport"][at]]][:MAX_ROWS_A_BATCH]]:
            if len(self._silent) < MAX_PATHS:
                self._silent.append(row.copy())

    def _judge_silent(self, row: Any) -> None:
        """A socket that asked for its address and then sent and sent to another peer wanted a path, though nobody was seen to name it."""
        socket = self._sockets.get((int(row["src_hi"]), int(row["src_lo"]), int(row["sport"])))
        asked, server = socket.asked if socket is not None else (0, "")
        local, peer = flow_ends(row)
        if not self._any_answer or not 0 < asked < int(row["last_frame"]) or server == peer or len(self._scene.failed) >= MAX_PATHS:
            return
        local_host, peer_host = flow_hosts(row)
        evidence = {
            "order": "outbound-first",
            "local": local,
            "peer": peer,
            "local_host": local_host,
            "peer_host": peer_host,
            "refused_before": 0,
            "introduced_by": None,
            "introduced_in_frame": None,
            "asked_stun_server": server,
            "asked_in_frame": asked,
            "first_datagram_let_in": filtering(mapped_before=True, host_known_before=True, first_from_inside=True),
            "method": self._method(local_host, peer_host),
            "relayed_by": (socket.relay if socket else "") or None,
            "packets": row["packets"].tolist(),
            "bytes": row["bytes"].tolist(),
        }
        path = Path(int(row["flow"]), int(row["first_frame"]), int(row["last_frame"]), local, peer, "outbound-first", evidence, "")
        self._scene.failed.append((path, self._scene.refusals.get(int(row["flow"]))))

    def _method(self, local_host: str, peer_host: str) -> str | None:
        """How the endpoint was found, where many were tried."""
        tries = self._tries.get((local_host, peer_host))
        if tries is None or max(map(len, tries)) < LEAST_TRIES:
            return None
        if len(tries[0]) > len(tries[1]):
            return f"birthday probing from {len(tries[0])} ports"
        return f"port prediction over {len(tries[1])} ports"


def _socket_keys(high: Any, low: Any, port: Any, peer: Any) -> Any:
    """Keys of a socket (both halves of its address, port) and the host that it sends to, whatever the port there; never 0."""
    mixed = (high ^ low) * np.uint64(0x9E3779B97F4A7C15) + port.astype(np.uint64)
    return (mixed ^ peer) * np.uint64(0xC2B2AE3D27D4EB4F) | np.uint64(1)


def _endpoint(view: View, row: int, end: str) -> _Endpoint:
    """The ``src`` or ``dst`` end of a packet."""
    return int(view[f"{end}_hi"][row]), int(view[f"{end}_lo"][row]), int(view[f"{end[0]}port"][row])


def _forms(address: str, port: int) -> tuple[bytes, ...]:
    """How a message may name an endpoint: address and port as bytes, as STUN's XOR address, address as text."""
    packed = ip_address(address).packed
    cookie = _STUN_COOKIE.to_bytes(4, "big")
    number = port.to_bytes(2, "big")
    masked = bytes(a ^ b for a, b in zip(packed[:4], cookie, strict=True)) + packed[4:]
    xor_port = (port ^ _STUN_COOKIE >> 16).to_bytes(2, "big")
    forms = [packed + number, number + packed, address.encode()]
    # The rest of an IPv6 address is masked with the transaction id.
    return (*forms, xor_port + masked) if len(packed) == 4 else tuple(forms)


def _why(path: Path) -> str:
    evidence = path.evidence
    reasons = []
    if path.order == "crossed":
        count = evidence["refused_before"]
        reasons.append(f"{count} datagram{'s' if count > 1 else ''} from the peer had been refused before the first one from inside")
    if evidence["introduced_by"]:
        reasons.append(f"{evidence['introduced_by']} had named the peer to this socket in frame {evidence['introduced_in_frame']}")
    if evidence["both_sent_stun_requests"]:
        reasons.append("both ends sent STUN binding requests")
    if evidence["method"]:
        reasons.append(evidence["method"])
    return "; ".join(reasons) + (f" ({path.doubt})" if path.doubt else "")


def _single(path: Path) -> Violation:
    there, back = path.evidence["packets"]
    kept = path.evidence["kept_alive_every_seconds"]
    alive = f", kept open by small packets at most {span(round(kept * 1e9))} apart" if kept else ""
    return _violation(
        [path],
        f"{path.local} and {path.peer} opened a path through the firewall, {path.order}: {_why(path)}. "
        f"{there} packets out and {back} in used it{alive}.",
        path.evidence,
    )


def _merged(paths: list[Path], missed: int) -> Violation:
    """One finding for many paths."""
    hosts = sorted({path.evidence["local_host"] for path in paths})
    crossed = sum(path.order == "crossed" for path in paths)
    return _violation(
        paths,
        f"{len(paths) + missed} paths through the firewall were opened from both sides ({crossed} crossed), "
        f"by {hosts[0] if len(hosts) == 1 else f'{len(hosts)} hosts inside'}; "
        f"for example {paths[0].local} and {paths[0].peer}: {_why(paths[0])}.",
        {
            "paths": len(paths) + missed,
            "crossed": crossed,
            "with_stun_requests": sum(path.evidence["both_sent_stun_requests"] for path in paths),
            "introduced": sum(path.evidence["introduced_by"] is not None for path in paths),
            "hosts": hosts[:20],
            "peers": sorted({path.peer for path in paths})[:20],
            "example": paths[0].evidence,
        },
    )


def _violation(paths: list[Path], message: str, evidence: dict[str, Any]) -> Violation:
    certain = any(not path.doubt for path in paths)
    return Violation(
        code=UdpHolePunch.code,
        severity=Severity.LOW if certain else Severity.INFO,
        flow=paths[0].flow,
        first_frame=paths[0].frame,
        last_frame=max(path.last_frame for path in paths),
        count=len(paths),
        message=message,
        evidence=evidence,
        source="RFC 5128 section 3.3; RFC 8445; RFC 4787 section 5",
        advice=(
            "If peer-to-peer traffic is wanted, nothing. If it is not: let the inside send UDP to named servers and ports only, because no "
            "inbound rule takes part in this."
        ),
    )
