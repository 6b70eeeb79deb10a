"""The tables that a run writes and their columns, the same in every format: the contract with whoever reads the files.

A column never changes its meaning; a new one is added at the end. ``docs/formats.md`` describes them, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLOWS", "SCHEMA_VERSION", "TABLES", "VERDICTS", "VIOLATIONS", "Column", "Table"]

#: Raised when a column or a key of summary.json changes its meaning or goes away; not when one is added.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    #: Name in every format.
    name: str
    #: How its values look, a name in ``rows.KINDS``; ``text`` and ``json`` in tables that are not written by the compiled loop.
    kind: str
    #: What it says, in one line; ends up in docs/formats.md.
    meaning: str
    #: NumPy type in Parquet, for numbers; empty for everything else.
    dtype: str = ""
    #: code and mask: which names (an attribute of ``names.Names``).
    names: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One file's worth of rows."""

    #: File name without its ending.
    name: str
    #: What a row is.
    meaning: str
    #: In the order in which they are written.
    columns: tuple[Column, ...]


VERDICTS = Table(
    "verdicts",
    "one row a frame, every frame, in the order of the capture",
    (
        Column("frame", "number", "number of the frame through the whole run, from 1", "u8"),
        Column("file", "number", "which capture it is from: 1-based index into `files` of summary.json", "u2"),
        Column("file_frame", "number", "number of the frame in its file, from 1: what Wireshark calls `frame.number`", "u8"),
        Column("ts_ns", "signed", "time stamp, nanoseconds since 1970 UTC, as the file says", "i8"),
        Column("iif", "code", "interface by which the packet enters, as the topology says", names="interfaces"),
        Column("oif", "code", "interface by which it leaves", names="interfaces"),
        Column("src", "address", "source address"),
        Column("sport", "number", "source port; identifier of an ICMP query", "u2"),
        Column("dst", "address", "destination address"),
        Column("dport", "number", "destination port", "u2"),
        Column("proto", "code", "transport protocol", names="protocols"),
        Column("bytes", "number", "bytes of the frame on the wire", "u4"),
        Column("verdict", "code", "accept, drop, reject, or skip for what never reaches the rules", names="verdicts"),
        Column("decided", "code", "false when something that the capture does not hold could change the verdict", names="booleans"),
        Column("reason", "code", "why the packet was not accepted, or why conntrack calls it invalid", names="reasons"),
        Column("rule", "number", "id of the rule that decided", "u4"),
        Column("rule_at", "code", "file:line of that rule, or of the policy that decided", names="places"),
        Column("chain", "code", "base chain whose rule or policy decided: family, table and chain", names="chains"),
        Column("cause_at", "code", "file:line of the rule whose unknown match makes the packet undecidable", names="places"),
        Column("hook", "code", "netfilter hook at which the packet's way ended", names="hooks"),
        Column("ct_state", "code", "ct state as the rules saw it", names="ct_states"),
        Column("direction", "code", "direction of the connection that the packet goes in: original or reply", names="directions"),
        Column("tcp_state", "code", "state of the TCP, SCTP or DCCP connection after the packet", names="tcp_states"),
        Column("ct_status", "mask", "status bits of the connection after the packet", names="ct_status"),
        Column("flow", "number", "number of the flow it belongs to", "u4"),
        Column("parent", "number", "flow that announced that one (a helper's expectation)", "u4"),
        Column("timeout_ns", "number", "time left to the table entry after the packet", "u8"),
        Column("seq_low", "number", "where reason names a TCP sequence check: lowest acceptable value", "u4"),
        Column("seq_high", "number", "highest acceptable value", "u4"),
        Column("seq_seen", "number", "the value that failed", "u4"),
        Column("anomalies", "mask", "oddities of the frame or packet", names="anomalies"),
        Column(
            "datagram",
            "number",
            "fragments: first frame of their datagram, the same for all its parts, which say the same",
            "u8",
        ),
    ),
)

FLOWS = Table(
    "flows",
    "one row a flow, in the order in which flows end",
    (
        Column("flow", "number", "number of the flow, in order of first sight", "u4"),
        Column("parent", "number", "flow that announced this one (a helper's expectation)", "u4"),
        Column("helper", "code", "conntrack helper that reads it, or, where it has a parent, that announced it", names="helpers"),
        Column("src", "address", "source of the original direction, that of the first packet seen"),
        Column("sport", "number", "its source port; identifier of an ICMP query", "u2"),
        Column("dst", "address", "destination of the original direction"),
        Column("dport", "number", "its destination port", "u2"),
        Column("proto", "code", "transport protocol", names="protocols"),
        Column("reply_src", "address", "source of the reply direction"),
        Column("reply_sport", "number", "its source port; identifier of an ICMP query", "u2"),
        Column("reply_dst", "address", "destination of the reply direction"),
        Column("reply_dport", "number", "its destination port", "u2"),
        Column("icmp_type", "number", "ICMP type of the first packet", "u1"),
        Column("icmp_code", "number", "ICMP code of the first packet", "u1"),
        Column("from_zone", "code", "topology zone that the first packet came from", names="zones"),
        Column("to_zone", "code", "topology zone that it went to", names="zones"),
        Column("iif", "code", "interface by which the first packet entered", names="interfaces"),
        Column("oif", "code", "interface by which it left", names="interfaces"),
        Column("ct_zone", "number", "conntrack zone", "u2"),
        Column("vlan", "number", "VLAN id of the first packet", "u2"),
        Column("first_frame", "number", "first frame of the flow", "u8"),
        Column("last_frame", "number", "last frame", "u8"),
        Column("start", "time", "time of the first frame, ISO 8601, UTC"),
        Column("first_ns", "signed", "the same in nanoseconds since 1970", "i8"),
        Column("last_ns", "signed", "time of the last frame", "i8"),
        Column("duration_ns", "signed", "time from the first to the last frame", "i8"),
        Column("end_ns", "signed", "when the entry left the table", "i8"),
        Column("end_reason", "code", "closed, reset, timeout, replaced, evicted, eof (the capture ended first) or blocked", names="ends"),
        Column("orig_packets", "number", "packets in the original direction", "u8"),
        Column("reply_packets", "number", "packets in the reply direction", "u8"),
        Column("orig_bytes", "number", "IP bytes on the wire in the original direction", "u8"),
        Column("reply_bytes", "number", "IP bytes on the wire in the reply direction", "u8"),
        Column("orig_flags", "code", "union of the TCP flags in the original direction (FSRPAUEC)", names="tcp_flags"),
        Column("reply_flags", "code", "union of the TCP flags in the reply direction", names="tcp_flags"),
        Column("history", "letters", "what was seen, in order, in the letters of Zeek's conn.log: upper case original, lower case reply"),
        Column("tcp_state", "code", "TCP, SCTP or DCCP state at the end", names="tcp_states"),
        Column("ct_status", "mask", "status bits at the end", names="ct_status"),
        Column("blocked", "code", "true when the flow never had a table entry: its packets were not let through", names="booleans"),
        Column("accepted", "number", "packets accepted", "u4"),
        Column("dropped", "number", "packets dropped", "u4"),
        Column("rejected", "number", "packets rejected", "u4"),
        Column("undecided", "number", "packets whose verdict the capture cannot decide", "u4"),
        Column("invalid", "number", "packets that conntrack called invalid", "u4"),
        Column("rule", "number", "id of the rule that decided the first packet", "u4"),
        Column("rule_at", "code", "file:line of that rule", names="places"),
        Column("reason", "code", "reason of the first packet that was not accepted", names="reasons"),
        Column("first_blocked_frame", "number", "first packet between these endpoints that was refused before the flow existed", "u8"),
        Column("blocked_before", "number", "how many such packets", "u4"),
        Column("first_reply_ns", "number", "time of the first reply packet", "u8"),
        Column("max_gap_ns", "signed", "longest pause between two packets", "i8"),
        Column("community_id", "letters", "Community ID 1.0, seed 0: joins with Zeek, Suricata and others"),
    ),
)

VIOLATIONS = Table(
    "violations",
    "one row a finding, most severe first; findings of one cause are one row with a count",
    (
        Column("code", "text", "stable name of the kind of finding"),
        Column("severity", "text", "critical, high, medium, low or info"),
        Column("flow", "number", "flow of the first example", "u4"),
        Column("parent", "number", "flow that announced that one (a helper's expectation), or would have with its helper", "u4"),
        Column("first_frame", "number", "frame of the first example", "u8"),
        Column("last_frame", "number", "frame of the last occurrence", "u8"),
        Column("count", "number", "occurrences", "u8"),
        Column("message", "text", "what happened, in a sentence"),
        Column("evidence", "json", "the numbers behind it, by name; as JSON text in CSV and Parquet"),
        Column("rule", "number", "id of the rule concerned", "u4"),
        Column("rule_at", "text", "file:line of that rule"),
        Column("source", "text", "RFC or kernel behaviour that it rests on"),
        Column("advice", "text", "what to do"),
    ),
)

TABLES = (VERDICTS, FLOWS, VIOLATIONS)
