"""Reads selectors: what a rule looks at, from ``tcp dport`` to ``fib saddr . iif oif``."""

from __future__ import annotations

from pcapaudit.rules.nft.cursor import Cursor, did_you_mean
from pcapaudit.rules.selectors import (
    CT_DIRECTED,
    EXTENSION_HEADERS,
    SELECTORS,
    TCP_OPTIONS,
    Selector,
    exists,
    free_selector,
    raw_payload,
)

__all__ = ["BARE_META", "HEADERS", "parse_selector", "starts_selector"]

#: First words of header expressions.
HEADERS = frozenset(
    {
        *(text.split()[0] for text, each in SELECTORS.items() if each.base in ("link", "network", "transport", "tag", "arp")),
        *("rt", "socket", "osf", "dccp"),
    }
)
#: Selectors that may stand without ``meta`` before them.
BARE_META = frozenset(
    {
        *("iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup", "ibrname", "obrname", "sdif", "sdifname"),
        *("mark", "skuid", "skgid", "pkttype", "cpu", "cgroup", "rtclassid", "l4proto", "protocol", "nfproto"),
        *("time", "day", "hour"),
    }
)
#: Those that stock nft does not take so.
_WANTS_META = frozenset({"l4proto", "protocol", "nfproto"})
_ALIASES = {
    "ip6 hop-limit": "ip6 hoplimit",
    "ip6 hopcount": "ip6 hoplimit",
    "ct proto": "ct protocol",
    "meta uid": "meta skuid",
    "meta gid": "meta skgid",
    "meta iifpvid": "meta ibrpvid",
    "meta l4-proto": "meta l4proto",
}
_FIB_FLAGS = ("saddr", "daddr", "mark", "iif", "oif")
_FIB_RESULTS = {"type": "fib_addrtype", "oif": "iface_index", "oifname": "ifname", "check": "boolean"}


def starts_selector(cursor: Cursor) -> bool:
    """Whether the token here begins a selector, not a value."""
    if cursor.kind == "@":
        return cursor.ahead(2) == ","
    return cursor.kind == "word" and (
        cursor.text in ("meta", "ct") or cursor.text in HEADERS or cursor.text in BARE_META or cursor.text in _SPECIAL
    )


def parse_selector(cursor: Cursor) -> Selector:
    """One selector: ``tcp dport``, ``meta l4proto``, ``iifname``, ``ct original ip saddr``, ``@th,16,16``."""
    start = cursor.index
    word = cursor.text
    if cursor.kind == "@" and cursor.ahead(2) == ",":
        return _raw_payload(cursor)
    if cursor.kind != "word":
        raise cursor.unexpected("an expression such as ip saddr, tcp dport, iifname or ct state")
    if word == "tcp" and cursor.ahead() == "option":
        return _tcp_option(cursor)
    if word == "sctp" and cursor.ahead() == "chunk":
        return _sctp_chunk(cursor)
    if word == "rt" and cursor.ahead() not in ("classid", "nexthop", "mtu", "ipsec", "ip", "ip6"):
        return _extension_header(cursor)
    special = _SPECIAL.get(word)
    if special is not None and cursor.ahead() not in ("==", "!="):
        return special(cursor)
    if word == "ct":
        cursor.advance()
        return _directed(cursor, start) if cursor.text in ("original", "reply") else _second_word(cursor, "ct")
    if word == "rt" and cursor.ahead() == "nexthop" and cursor.family in ("ip", "ip6"):
        return _route_next_hop(cursor, cursor.family)
    if word == "rt" and cursor.ahead() in ("ip", "ip6"):
        cursor.advance()
        return _second_word(cursor, cursor.advance()) if cursor.ahead() != "nexthop" else _route_next_hop(cursor, cursor.text)
    if word == "meta" or word in HEADERS:
        cursor.advance()
        return _second_word(cursor, word)
    if word in BARE_META:
        if word in _WANTS_META:
            cursor.warn(f'stock nft refuses this: {word} without "meta"', f"write: meta {word}")
        cursor.advance()
        return SELECTORS[f"meta {word}"]
    known = [*HEADERS, *BARE_META, "meta", "ct", "accept", "drop", "reject", "log", "counter", "limit", "jump", "goto", "return"]
    raise cursor.problem(f'found "{word}", expected an expression or a statement', did_you_mean(word, known))


def _second_word(cursor: Cursor, first: str) -> Selector:
    word = cursor.text if cursor.kind == "word" else ""
    text = f"{first} {word}"
    selector = SELECTORS.get(_ALIASES.get(text, text))
    if selector is None:
        fields = [text.split(" ", 1)[1] for text in SELECTORS if text.startswith(first + " ")]
        if word == "" or cursor.at_end():
            raise cursor.unexpected(f"a field of {first}", advice=f"one of: {', '.join(fields)}" if len(fields) < 20 else "")
        raise cursor.problem(f'{first} has no field "{word}"', did_you_mean(word, fields) or f"one of: {', '.join(fields)}")
    cursor.advance()
    return selector


def _route_next_hop(cursor: Cursor, family: str) -> Selector:
    cursor.advance()
    cursor.advance()
    return free_selector(f"rt {family} nexthop", "ipv4_addr" if family == "ip" else "ipv6_addr", "rt", (4 if family == "ip" else 6, None))


def _directed(cursor: Cursor, start: int) -> Selector:
    side = cursor.advance()
    name = cursor.advance()
    if name in ("ip", "ip6"):
        name += " " + cursor.advance()
    if name in ("saddr", "daddr") and cursor.family in ("ip", "ip6"):
        name = f"{cursor.family} {name}"
    if name in ("saddr", "daddr"):
        raise cursor.problem(
            f"ct {side} {name} does not say which family",
            f"write: ct {side} ip {name}, or ct {side} ip6 {name}",
            index=start,
            width=cursor.span(start),
        )
    if name not in CT_DIRECTED:
        raise cursor.problem(f'ct {side} has no field "{name}"', did_you_mean(name, CT_DIRECTED), index=cursor.index - 1)
    return SELECTORS[f"ct {side} {name}"]


def _raw_payload(cursor: Cursor) -> Selector:
    start = cursor.index
    cursor.advance()
    base = cursor.expect_name("ll, nh, th or ih")
    cursor.expect(",", "after the header's name")
    offset = cursor.expect_number("an offset in bits")
    cursor.expect(",", "after the offset")
    bits = cursor.expect_number("a length in bits")
    if base not in ("ll", "nh", "th", "ih"):
        raise cursor.problem(f'no header is called "{base}"', "use ll (link), nh (network), th (transport) or ih (inner)", index=start + 1)
    if not 1 <= bits <= 128 or offset > 2048:
        raise cursor.problem(
            "a raw expression reads 1 to 128 bits, at most 2048 bits into the header", index=start, width=cursor.span(start)
        )
    return raw_payload(base, offset, bits)


# Expressions with words of their own -----------------------------------------------------------------------------------------------


def _asks_for_existence(cursor: Cursor) -> bool:
    ahead = cursor.ahead() if cursor.kind in ("==", "!=") else cursor.text
    return ahead in ("exists", "missing")


def _tcp_option(cursor: Cursor) -> Selector:
    """``tcp option maxseg size``, ``tcp option sack-perm exists``, ``tcp option 42 exists``."""
    cursor.advance()
    cursor.advance()
    at = cursor.index
    name = cursor.advance()
    if name not in TCP_OPTIONS and not (name.isdecimal() and int(name) < 256):
        raise cursor.problem(f'no TCP option is called "{name}"', did_you_mean(name, TCP_OPTIONS) or "or write its number", index=at)
    if _asks_for_existence(cursor) or cursor.at_end():
        return exists("tcpopt", f"tcp option {name}")
    fields = TCP_OPTIONS.get(name, {"length": 8})
    if cursor.text not in fields:
        raise cursor.problem(
            f'TCP option {name} has no field "{cursor.text}"', did_you_mean(cursor.text, fields) or f"one of: {', '.join(fields)}, exists"
        )
    word = cursor.advance()
    return Selector(f"tcp option {name} {word}", "integer", "tcpopt", 0, fields[word], 0, 6)


def _sctp_chunk(cursor: Cursor) -> Selector:
    cursor.advance()
    cursor.advance()
    name = cursor.expect_name("a chunk type")
    if _asks_for_existence(cursor):
        return free_selector(f"sctp chunk {name}", "boolean", "chunk", (0, 132))
    return free_selector(f"sctp chunk {name} {cursor.expect_name('a field')}", "integer", "chunk", (0, 132))


def _extension_header(cursor: Cursor) -> Selector:
    """``exthdr hbh exists``, ``frag more-fragments``, ``rt type``."""
    if cursor.text == "exthdr":
        cursor.advance()
        at = cursor.index
        name = cursor.advance()
        if name not in EXTENSION_HEADERS:
            raise cursor.problem(f'no extension header is called "{name}"', did_you_mean(name, EXTENSION_HEADERS), index=at)
        return exists("exthdr", f"exthdr {name}")
    name = cursor.advance()
    fields = EXTENSION_HEADERS[name]
    word = cursor.text
    if word not in fields:
        raise cursor.problem(f'{name} has no field "{word}"', did_you_mean(word, fields) or f"one of: {', '.join(fields)}")
    cursor.advance()
    if cursor.accept("["):
        word += f"[{cursor.expect_number('a number')}]"
        cursor.expect("]", "after the number")
    return free_selector(f"{name} {word}", fields[word.partition("[")[0]], "exthdr", (6, None))


def _fib(cursor: Cursor) -> Selector:
    """``fib daddr type``, ``fib saddr . iif oif``."""
    cursor.advance()
    flags = [_fib_word(cursor, _FIB_FLAGS)]
    while cursor.accept("."):
        flags.append(_fib_word(cursor, _FIB_FLAGS))
    result = _fib_word(cursor, tuple(_FIB_RESULTS))
    text = f"fib {' . '.join(flags)} {result}"
    if result != "type" and _asks_for_existence(cursor):
        return exists("fib", text)
    return free_selector(text, _FIB_RESULTS[result], "fib")


def _fib_word(cursor: Cursor, known: tuple[str, ...]) -> str:
    word = cursor.accept_word(*known)
    if not word:
        raise cursor.unexpected(f"one of {', '.join(known)}", "in a fib expression", did_you_mean(cursor.text, known))
    return word


def _numbers(cursor: Cursor) -> Selector:
    """``numgen inc mod 2 offset 1``, ``symhash mod 8``, ``jhash ip saddr . tcp sport mod 4 seed 0x1``: nobody can foresee them."""
    words = [cursor.advance()]
    while cursor.kind in ("word", "."):
        word = cursor.advance()
        words.append(word)
        if word in ("mod", "seed", "offset"):
            words.append(cursor.advance())
            if cursor.text not in ("seed", "offset"):
                break
    return free_selector(" ".join(words), "integer", "hash")


def _socket(cursor: Cursor) -> Selector:
    if cursor.ahead() != "cgroupv2":
        cursor.advance()
        return _second_word(cursor, "socket")
    cursor.advance()
    cursor.advance()
    cursor.accept_word("level") or cursor.expect("level", "after cgroupv2")
    return free_selector(f"socket cgroupv2 level {cursor.expect_number('a level')}", "string", "socket")


def _ipsec(cursor: Cursor) -> Selector:
    """``ipsec in reqid``, ``ipsec out spnum 1 ip saddr``."""
    words = [cursor.advance(), cursor.accept_word("in", "out") or cursor.expect("in", "after ipsec")]
    if cursor.accept_word("spnum"):
        words += ["spnum", str(cursor.expect_number("a number"))]
    word = cursor.expect_name("reqid, spi, ip or ip6")
    words.append(word)
    if word in ("ip", "ip6"):
        words.append(cursor.expect_name("saddr or daddr"))
    kind = {"ip": "ipv4_addr", "ip6": "ipv6_addr"}.get(word, "integer")
    return free_selector(" ".join(words), kind, "ipsec")


_SPECIAL = {
    "fib": _fib,
    "exthdr": _extension_header,
    "socket": _socket,
    "ipsec": _ipsec,
    **dict.fromkeys(("hbh", "dst", "mh", "frag", "rt0", "rt2", "rt4"), _extension_header),
    **dict.fromkeys(("numgen", "jhash", "symhash"), _numbers),
}
