"""A comparison's record with every kind of change, made by hand, for the renderers' tests."""

from __future__ import annotations

START_NS = 1_700_000_000_123_456_789


def fate(verdict, at, text, **more):
    """One side of a change."""
    return {"verdict": verdict, "reason": None, "ct_state": None, "at": at, "chain": "inet fw forward", "text": text, **more}


def example(frame, **changes):
    """A packet."""
    values = {
        "frame": frame,
        "ts_ns": START_NS + frame * 1_000_000,
        "proto": "tcp",
        "src": "10.0.0.5",
        "sport": 40000 + frame,
        "dst": "192.0.2.1",
        "dport": 443,
        "icmp_type": None,
        "icmp_code": None,
        "old_flow": frame,
        "new_flow": None,
    }
    return {**values, **changes}


def change(kind, old, new, packets, **more):
    """A change."""
    values = {
        "kind": kind,
        "allowed": kind == "other-rule",
        "old": old,
        "new": new,
        "packets": packets,
        "consequences": 0,
        "bytes": packets * 60,
        "flows": 1,
        "flows_whole": 0,
        "flows_part": 0,
        "first_frame": 3,
        "last_frame": 90,
        "protocols": {"tcp": packets},
        "ways": {"inside → outside": packets},
        "examples": [example(3)],
    }
    return {**values, **more}


WEB = fate("accept", "old.nft:12", 'iifname "lan" tcp dport 443 accept comment "web | all"')
POLICY = fate("drop", "new.nft:4", "policy drop")
BACK = fate("accept", "old.nft:9", "ct state established,related accept")


def changes():
    """One or two of each kind."""
    echo = example(17, proto="icmpv6", src="2001:db8::1", dst="fd00::1", sport=None, dport=None, icmp_type=128, icmp_code=0, new_flow=6)
    sip = example(8, proto="udp", src="2001:db8::1", sport=5060, dst="fd00::1", dport=5060)
    return [
        change(
            *("newly-blocked", WEB, POLICY, 12_345),
            consequences=12_000,
            flows=345,
            flows_whole=345,
            protocols={"tcp": 12_300, "icmp": 45},
            ways={"inside → outside": 7000, "outside → inside": 5345},
            examples=[example(3), example(44), sip],
        ),
        change("newly-blocked", BACK, fate("reject", "new.nft:5", "ct state established reject"), 20, flows_part=1),
        change(
            *("newly-blocked", {**BACK, "ct_state": "established"}, {**POLICY, "ct_state": "new"}, 3),
            consequences=2,
            flows_part=1,
            protocols=dict.fromkeys(("udp", "tcp", "esp", "gre", "sctp"), 1),
        ),
        change("newly-allowed", POLICY, fate("accept", "new.nft:8", "icmpv6 type echo-request accept"), 1, flows_whole=1, examples=[echo]),
        change("newly-allowed", None, None, 2, flows=0, examples=[]),
        change("reason-changed", POLICY, fate("reject", "new.nft:7", "`reject` ``all``"), 4, flows=0, ways={}),
        change("other-rule", BACK, {**BACK, "at": "new.nft:3", "text": "ct state established accept " + 50 * "x "}, 900, consequences=1),
        change(
            *("other-rule", fate("drop", None, None, chain=None, reason="bad-ip-header"), POLICY, 1),
            examples=[example(90, proto=None, src=None, dst=None, sport=None, dport=None, old_flow=None)],
        ),
    ]


def record(found=None, **more):
    """A record."""
    found = changes() if found is None else found
    kinds = ("newly-blocked", "newly-allowed", "reason-changed", "other-rule")
    by_kind = {kind: sum(each["packets"] for each in found if each["kind"] == kind) for kind in kinds}
    values = {
        "schema_version": 1,
        "pcapaudit": "0.1.0",
        "capture": {
            "files": ["monday.pcap", "tuesday.pcap", "wednesday.pcap", "thursday.pcap"],
            "frames": 1_000_000,
            "first_ns": START_NS,
            "last_ns": START_NS,
            "warnings": ["thursday.pcap: cut off"] if found else [],
        },
        "networks_assumed": bool(found),
        "place": None,
        "networks": {"inside": ["10.0.0.0/8"], "outside": ["0.0.0.0/0", "::/0"]},
        "old": {"kind": "saved-run", "path": "run/verdicts.csv", "settings": []},
        "new": {"kind": "ruleset", "path": "new.nft", "settings": ["udp.stream=60", "nf_conntrack_tcp_loose=0"]},
        "allowed": ["other-rule"],
        "failed": any(not each["allowed"] for each in found),
        "packets": {
            "changed": sum(by_kind.values()),
            "by_kind": by_kind,
            "undecided": 7 if found else 0,
            "undecided_changed": 2 if found else 0,
        },
        "flows_changed": 351 if found else 0,
        "limits": ["2 packets changed by more than 5000 different causes: those beyond are summed up"] if found else [],
        "changes": found,
    }
    return {**values, **more}
