"""What of the rules' languages is supported, tried out: one example for each construct, compiled, and looked at.

A construct is *refused* when its example cannot be read, *undecidable* when its compiled form asks for what no capture holds, *no effect*
when it is read and changes nothing that is computed here (a note says so), and *supported* otherwise. ``docs/make.py`` makes the page;
``tests/test_docs.py`` sees to it that every row of the code's own tables has its example.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pcapaudit.core.errors import RulesetError
from pcapaudit.rules import compile_ruleset, ops, parse_ruleset
from pcapaudit.rules.fields import load_of
from pcapaudit.rules.interfaces import BELONGING
from pcapaudit.rules.machine import InterfaceFacts, Machine
from pcapaudit.rules.model import Key
from pcapaudit.rules.program import Program
from pcapaudit.rules.selectors import SELECTORS

__all__ = ["MATCHES", "STATEMENTS", "TARGETS", "nft_text", "rows"]

#: nftables: construct → (lines of the table, rule).
STATEMENTS: dict[str, tuple[str, str]] = {
    "accept, drop, continue, return": ("", "accept"),
    "jump, goto": ("chain d {\n}", "jump d"),
    "vmap": ("", "tcp dport vmap { 22 : accept, 80-90 : drop }"),
    "named verdict map": ("map m {\ntype inet_service : verdict\nelements = { 22 : accept }\n}", "tcp dport vmap @m"),
    "map": ("", "meta mark set tcp dport map { 22 : 1 }"),
    "sets: anonymous, ranges, prefixes, wildcards": ("", 'iifname { "eth*", "lo" } ip saddr { 10.0.0.0/8, 192.0.2.1-192.0.2.9 } accept'),
    "named set": ("set s {\ntype ipv4_addr\nflags interval\nauto-merge\nelements = { 10.0.0.0/8 }\n}", "ip saddr @s accept"),
    "named set with time-outs": ("set s {\ntype ipv4_addr\nflags timeout\ntimeout 1h\nelements = { 10.0.0.1 }\n}", "ip saddr @s accept"),
    "set of intervals with time-outs": (
        "set s {\ntype ipv4_addr\nflags interval,timeout\nelements = { 10.0.0.0/8 timeout 1h }\n}",
        "ip saddr @s accept",
    ),
    "typeof": ("set s {\ntypeof ip saddr . tcp dport\n}", "ip saddr . tcp dport @s accept"),
    "concatenation, with ranges": ("", "ip saddr . tcp dport { 10.0.0.0/8 . 20-25 } accept"),
    "add, update, delete": ("set s {\ntype ipv4_addr\nflags dynamic\n}", "update @s { ip saddr timeout 1m } accept"),
    "meter": ("", "meter m { ip saddr limit rate 1/second } accept"),
    "limit": ("", "limit rate over 10 kbytes/second burst 5 kbytes drop"),
    "quota": ("", "quota over 1 mbytes drop"),
    "counter": ("", "counter packets 1 bytes 2 accept"),
    "log": ("", 'log prefix "x" group 1'),
    "reject": ("", "reject with icmpx type admin-prohibited"),
    "named limit, quota, counter": ("limit l {\nrate 1/second\n}", 'limit name "l" accept'),
    "map of limits or quotas": (
        "limit l {\nrate 1/second\n}\nmap m {\ntype inet_service : limit\nelements = { 22 : l }\n}",
        "limit name tcp dport map @m accept",
    ),
    "notrack": ("", "notrack"),
    "meta mark set": ("", "meta mark set 1"),
    "ct mark set": ("", "ct mark set meta mark"),
    "ct zone set": ("", "ct zone set 1"),
    "ct helper set": ('ct helper h {\ntype "ftp" protocol tcp\n}', 'ct helper set "h"'),
    "ct timeout set": ("ct timeout t {\nprotocol tcp\npolicy = { established : 60 }\n}", 'ct timeout set "t"'),
    "ct expectation set": ("ct expectation e {\nprotocol tcp\ndport 5432\ntimeout 1h\nsize 12\n}", 'ct expectation set "e"'),
    "ct count": ("", "ct count over 20 drop"),
    "other meta and ct set": ("", "meta priority set 1:1"),
    "header field set": ("", "ip dscp set ef\nip dscp ef accept"),
    "tcp option maxseg size set": ("", "tcp flags syn tcp option maxseg size set rt mtu\ntcp option maxseg size 1-500 drop"),
    "reset tcp option": ("", "reset tcp option timestamp"),
    "snat, dnat, masquerade, redirect": ("", "dnat ip to 10.0.0.1:80"),
    "queue": ("", "queue to 0"),
    "synproxy": ("", "tcp dport 80 synproxy mss 1460"),
    "tproxy": ("", "meta l4proto tcp tproxy ip to 127.0.0.1:1"),
    "flow add": ("flowtable f {\nhook ingress priority 0\ndevices = { eth0 }\n}", "flow add @f"),
    "dup, fwd": ("", "dup to 10.0.0.1"),
    "last": ("", "last"),
    "xt (nft list of iptables-nft rules)": ("", "xt match recent"),
    "tcp option …": ("", "tcp option sack-perm exists tcp option maxseg size 1-500 drop"),
    "exthdr, hbh, dst, rt, frag, mh": ("", "exthdr hbh exists rt type 0 drop"),
    "addresses in routing headers": ("", "rt0 addr[1] 2001:db8::1 drop"),
    "@ll, @nh, @th, @ih": ("", "@th,0,16 22 @ih,0,8 1 drop"),
    "sctp chunk": ("", "sctp chunk data exists drop"),
    "fib … type": ("", "fib daddr type local accept"),
    "fib … oif": ("", "fib saddr . iif oif missing drop"),
    "numgen, jhash, symhash": ("", "numgen random mod 2 1 accept"),
    "socket": ("", "socket transparent 1 accept"),
    "osf": ("", 'osf name "Linux" accept'),
    "ipsec": ("", "ipsec in reqid 1 accept"),
    "rt … nexthop": ("", "rt ip nexthop 10.0.0.1 accept"),
}

#: iptables: match module → its options.
MATCHES = {
    "addrtype": "--dst-type LOCAL",
    "ah": "--ahspi 5",
    "bpf": "--bytecode 4",
    "cgroup": "--cgroup 1",
    "cluster": "--cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 1",
    "comment": "--comment x",
    "connbytes": "--connbytes 1:2 --connbytes-dir both --connbytes-mode bytes",
    "connlabel": "--label 1",
    "connlimit": "--connlimit-above 5",
    "connmark": "--mark 1",
    "conntrack": "--ctstate NEW",
    "cpu": "--cpu 1",
    "dccp": "--dport 5",
    "devgroup": "--src-group 1",
    "dscp": "--dscp-class EF",
    "dst": "--dst-len 1",
    "ecn": "--ecn-tcp-cwr",
    "esp": "--espspi 5",
    "eui64": "",
    "frag": "--fragid 1",
    "hashlimit": "--hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name x",
    "hbh": "--hbh-len 1",
    "helper": "--helper ftp",
    "hl": "--hl-eq 255",
    "icmp": "--icmp-type 8",
    "icmp6": "--icmpv6-type 128",
    "iprange": "--src-range 10.0.0.1-10.0.0.9",
    "ipv6header": "--header hop",
    "ipvs": "--ipvs",
    "length": "--length 1:2",
    "limit": "--limit 1/sec",
    "mac": "--mac-source 00:00:5e:00:53:01",
    "mark": "--mark 1",
    "mh": "--mh-type 1",
    "multiport": "--dports 22,80",
    "nfacct": "--nfacct-name x",
    "osf": "--genre Linux",
    "owner": "--uid-owner 5",
    "physdev": "--physdev-in eth0",
    "pkttype": "--pkt-type multicast",
    "policy": "--dir in --pol ipsec",
    "quota": "--quota 1000",
    "rateest": "",
    "realm": "--realm 1",
    "recent": "--rcheck --name x --seconds 5",
    "rpfilter": "--invert",
    "rt": "--rt-type 0",
    "sctp": "--dport 5",
    "set": "--match-set x src",
    "socket": "--transparent",
    "state": "--state NEW",
    "statistic": "--mode random --probability 0.5",
    "string": "--algo bm --string x",
    "tcp": "--dport 22 --tcp-flags SYN,ACK SYN",
    "tcpmss": "--mss 1:500",
    "time": "--timestart 10:00 --timestop 12:00",
    "tos": "--tos 8",
    "ttl": "--ttl-eq 5",
    "u32": '--u32 "0=1"',
    "udp": "--dport 53",
    "udplite": "--dport 53",
}
#: iptables: target → (table, chain, options).
TARGETS = {
    "ACCEPT": ("filter", "INPUT", ""),
    "AUDIT": ("filter", "INPUT", "--type drop"),
    "CHECKSUM": ("mangle", "POSTROUTING", "--checksum-fill"),
    "CLASSIFY": ("mangle", "POSTROUTING", "--set-class 1:1"),
    "CONNMARK": ("mangle", "PREROUTING", "--set-mark 1"),
    "CONNSECMARK": ("mangle", "INPUT", "--save"),
    "CONTINUE": ("filter", "INPUT", ""),
    "CT": ("raw", "PREROUTING", "--notrack"),
    "DNAT": ("nat", "PREROUTING", "--to-destination 10.0.0.1"),
    "DROP": ("filter", "INPUT", ""),
    "DSCP": ("mangle", "PREROUTING", "--set-dscp 1"),
    "HL": ("mangle", "PREROUTING", "--hl-set 5"),
    "IDLETIMER": ("filter", "INPUT", "--timeout 5 --label x"),
    "LED": ("filter", "INPUT", "--led-trigger-id x"),
    "LOG": ("filter", "INPUT", "--log-prefix x"),
    "MARK": ("mangle", "PREROUTING", "--set-mark 1"),
    "MASQUERADE": ("nat", "POSTROUTING", ""),
    "NETMAP": ("nat", "PREROUTING", "--to 10.0.0.0/24"),
    "NFLOG": ("filter", "INPUT", "--nflog-group 1"),
    "NFQUEUE": ("filter", "INPUT", "--queue-num 1"),
    "NOTRACK": ("raw", "PREROUTING", ""),
    "QUEUE": ("filter", "INPUT", ""),
    "RATEEST": ("mangle", "PREROUTING", "--rateest-name x --rateest-interval 1s --rateest-ewmalog 2s"),
    "REDIRECT": ("nat", "PREROUTING", "--to-ports 80"),
    "REJECT": ("filter", "INPUT", "--reject-with icmp-host-prohibited"),
    "RETURN": ("filter", "INPUT", ""),
    "SECMARK": ("mangle", "INPUT", "--selctx x"),
    "SET": ("filter", "INPUT", "--add-set x src"),
    "SNAT": ("nat", "POSTROUTING", "--to-source 10.0.0.1"),
    "SYNPROXY": ("filter", "INPUT", "--mss 1460"),
    "TCPMSS": ("mangle", "FORWARD", "--clamp-mss-to-pmtu"),
    "TEE": ("mangle", "PREROUTING", "--gateway 10.0.0.1"),
    "TPROXY": ("mangle", "PREROUTING", "--on-port 1"),
    "TRACE": ("raw", "PREROUTING", ""),
    "TTL": ("mangle", "PREROUTING", "--ttl-set 5"),
    "ULOG": ("filter", "INPUT", ""),
}
_IPSETS = "create x hash:ip family inet\nadd x 10.0.0.1\n"
_V6 = frozenset({"dst", "eui64", "frag", "hbh", "hl", "icmp6", "ipv6header", "mh", "rt", "HL"})
_PROTOCOLS = {
    **{name: name for name in ("tcp", "udp", "sctp", "dccp", "udplite", "ah", "esp", "icmp")},
    "icmp6": "icmpv6",
    "multiport": "tcp",
    "tcpmss": "tcp",
    "ecn": "tcp",
    "osf": "tcp",
    "mh": "135",
    "TCPMSS": "tcp -m tcp --tcp-flags SYN,RST SYN",
    "TPROXY": "tcp",
    "REDIRECT": "tcp",
    "SYNPROXY": "tcp",
}
_ALWAYS = re.compile(r"no chain of the ruleset sees|the ruleset has no base chain")


def rows() -> dict[str, list[tuple[str, str, str]]]:
    """Title → (construct, status, note) of each row."""
    nft = [(name, *_tried(nft_text(*example))) for name, example in STATEMENTS.items()]
    return {
        "nftables: statements, sets and expressions": nft,
        "nftables: fields of packets and connections": list(_selectors()),
        "iptables: matches": [(f"-m {name}", *_tried(_iptables(f"-m {name} {options}", name), name)) for name, options in MATCHES.items()],
        "iptables: targets": [
            (f"-j {name}", *_tried(_iptables(f"-j {name} {options}", name, table, chain), name))
            for name, (table, chain, options) in TARGETS.items()
        ],
    }


def nft_text(lines: str, rule: str) -> str:
    """A ruleset around an example."""
    return f"table inet t {{\n{lines}\nchain c {{\ntype filter hook prerouting priority raw\n{rule}\n}}\n}}\n"


def _iptables(words: str, name: str, table: str = "filter", chain: str = "FORWARD") -> str:
    protocol = f"-p {_PROTOCOLS[name]} " if name in _PROTOCOLS else ""
    end = "" if words.startswith("-j") else " -j ACCEPT"
    return f"*{table}\n:{chain} ACCEPT [0:0]\n-A {chain} {protocol}{words}{end}\nCOMMIT\n"


#: A firewall of which everything is told: what a topology answers is supported.
_TOLD = Machine(known=frozenset((4, 6)), complete=frozenset((4, 6)), facts=(InterfaceFacts(1, 0, 1),) * 2, follows_source=False)


def _tried(text: str, name: str = "") -> tuple[str, str]:
    """Status of an example, and what is noted about it."""
    from pcapaudit.rules.iptables.ipset import read_ipsets
    from pcapaudit.rules.iptables.stateful import Sets

    sets = Sets()
    sets.known.update(read_ipsets(_IPSETS, "x")[0])
    try:
        ruleset = parse_ruleset(text, "rules.v6" if name in _V6 else "rules.v4" if text.startswith("*") else "x.nft", None, sets)
    except RulesetError as error:
        return "refused", error.diagnostics[0].message
    program = compile_ruleset(ruleset, ("eth0", "eth1"), assumed=False, machine=_TOLD)
    notes = "; ".join(re.sub(r" \(.*?\)", "", note) for note in program.notes if not _ALWAYS.match(note))
    if _is_open(program):
        return "undecidable", notes
    return ("no effect" if notes else "supported"), notes


def _is_open(program: Program) -> bool:
    """Whether the compiled form asks for what no capture holds, or leaves the verdict to somebody else."""
    fields = program.loads[:: ops.LOAD_WORDS]
    operations = program.code[4::4]
    return ops.FIELD_UNKNOWN in fields or ops.OP_QUEUE in operations


def _selectors() -> Iterator[tuple[str, str, str]]:
    """One row for the fields of a header that have one status."""
    groups: dict[tuple[str, str], list[str]] = {}
    for text, selector in SELECTORS.items():
        header, _, field = text.partition(" ")
        is_open = load_of(Key(selector)).field == ops.FIELD_UNKNOWN and text not in BELONGING
        status = "undecidable" if is_open else "supported"
        groups.setdefault((header, status), []).append(field)
    for (header, status), fields in groups.items():
        yield f"{header}: {', '.join(fields)}", status, ""
