"""Reads nftables files: commands, tables, chains and sets. Rules are read by ``statements``.

A file is a list of commands that act on a ruleset which starts empty: ``table … { }`` is short for adding a table and what is in it,
``flush ruleset`` empties all, and so on, in file order. Every error of a file is found in one run: a statement that is wrong is
complained about and left out, and reading goes on at the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pcapaudit.core.errors import Diagnostic
from pcapaudit.rules import tables
from pcapaudit.rules.datatypes import DATATYPES, Datatype
from pcapaudit.rules.model import BaseChain, Element, NamedSet, Ruleset
from pcapaudit.rules.nft.builder import ChainState, TableState, freeze
from pcapaudit.rules.nft.cursor import MAX_DIAGNOSTICS, Cursor, SyntaxProblem, did_you_mean
from pcapaudit.rules.nft.expressions import parse_duration_word, parse_elements, parse_keys
from pcapaudit.rules.nft.lexer import Source, tokenize
from pcapaudit.rules.nft.statements import parse_rule, parse_verdict

__all__ = ["Parser", "Reader"]

#: Given the including file's path and the pattern: (path, text) of each file. Raises OSError when there is none.
Reader = Callable[[str, str], list[tuple[str, str]]]

_COMMANDS = ("table", "add", "create", "insert", "delete", "destroy", "flush", "define", "redefine", "undefine", "include")
_INCLUDE_DEPTH = 16
_OBJECTS = {
    "flowtable": "flow tables",
    "counter": "named counters",
    "quota": "named quotas",
    "limit": "named limits",
    "ct": "ct helper, timeout and expectation objects",
    "secmark": "secmark objects",
    "synproxy": "named synproxies",
    "tunnel": "tunnel objects",
}


class Parser:
    """Reads one file and what it includes."""

    def __init__(self, reader: Reader | None = None) -> None:
        self.reader = reader
        self.tables: dict[tuple[str, str], TableState] = {}
        self.sources: dict[str, Source] = {}
        self.depth = 0
        self.cursor = Cursor(tokenize("", ""))

    def parse(self, text: str, path: str) -> Ruleset:
        """The ruleset, checked for syntax only; complaints are in ``cursor.diagnostics``."""
        self.cursor = Cursor(self._open(text, path))
        self._items(self._command)
        return Ruleset(freeze(self.tables.values()), tuple(self.cursor.warnings))

    # Files and blocks -----------------------------------------------------------------------------------------------------------

    def _open(self, text: str, path: str) -> Source:
        if "\r\n" in text:
            text = text.replace("\r\n", "\n")
            message = "the lines end in CR LF, which stock nft refuses (unexpected junk)"
            self.cursor.warnings.append(Diagnostic(path, 1, 1, message, "convert the file: sed -i 's/\\r$//' FILE"))
        source = tokenize(text.removeprefix("\ufeff"), path)
        self.sources[path] = source
        return source

    def _items(self, item: Callable[[], None]) -> None:
        """Read items up to ``}`` or the end of the file, going on behind one that is wrong."""
        cursor = self.cursor
        while True:
            while cursor.kind in ("nl", ";"):
                cursor.move(cursor.index + 1)
            if cursor.kind in ("}", "eof"):
                if cursor.kind == "}" and item == self._command:
                    cursor.diagnostics.append(cursor.diagnostic('found "}" that closes nothing'))
                    cursor.move(cursor.index + 1)
                    continue
                return
            saved = cursor.save()
            try:
                if cursor.kind == "word" and cursor.text == "include":
                    self._include(item)
                elif cursor.kind == "word" and cursor.text in ("define", "redefine", "undefine"):
                    self._define()
                else:
                    item()
                self._end_of_item()
            except SyntaxProblem as problem:
                cursor.complain(problem.diagnostic)
                cursor.recover(saved)
            if len(cursor.diagnostics) >= MAX_DIAGNOSTICS:
                cursor.restore_end()
                return

    def _end_of_item(self) -> None:
        cursor = self.cursor
        if cursor.kind in ("nl", ";", "eof"):
            return
        if cursor.kind == "}":
            if cursor.source.kinds[cursor.index - 1] not in ("}", ";", "nl"):
                cursor.warn('stock nft wants a line end or ";" before this "}"', 'write "; }" to be read by every version')
            return
        if cursor.source.kinds[cursor.index - 1] != "}":
            raise cursor.unexpected("the end of the statement")

    def _block(self, item: Callable[[], None], what: str) -> None:
        """``{ items }``."""
        cursor = self.cursor
        opened = cursor.index
        cursor.expect("{", f"after {what}")
        cursor.scopes.append({})
        self._items(item)
        cursor.scopes.pop()
        if not cursor.accept("}"):
            raise cursor.problem(f'the "{{" of {what} is never closed', index=opened)

    def _include(self, item: Callable[[], None]) -> None:
        cursor = self.cursor
        cursor.advance()
        at = cursor.index
        pattern = cursor.expect("string", "after include")
        if self.reader is None:
            raise cursor.problem("include needs files, and this ruleset came as text", index=at)
        if self.depth >= _INCLUDE_DEPTH:
            raise cursor.problem(f"includes nest deeper than {_INCLUDE_DEPTH}: does a file include itself?", index=at)
        try:
            files = self.reader(cursor.source.path, pattern)
        except (OSError, ValueError) as error:
            raise cursor.problem(f'cannot read "{pattern}": {error}', "paths count from the including file's folder", index=at) from None
        saved = cursor.save()
        self.depth += 1
        for path, text in files:
            cursor.enter(self._open(text, path))
            self._items(item)
            if cursor.kind == "}":
                cursor.diagnostics.append(cursor.diagnostic('found "}" that closes nothing in this file'))
        self.depth -= 1
        cursor.restore(saved)

    def _define(self) -> None:
        """``define NAME = value``: the value is kept as tokens, and read where it is used."""
        cursor = self.cursor
        command = cursor.advance()
        at = cursor.index
        name = cursor.expect_name("the name of a variable")
        if command == "undefine":
            if not cursor.undefine(name):
                raise cursor.problem(f'"{name}" is not defined', index=at)
            return
        cursor.expect("=", f"after {command} {name}")
        start, depth = cursor.index, 0
        while cursor.kind != "eof" and (depth or cursor.kind not in ("nl", ";", "}")):
            depth += (cursor.kind == "{") - (cursor.kind == "}")
            if cursor.kind == "var" and cursor.lookup(cursor.text) is None:
                with cursor.variable():
                    pass  # raises: the variable is not defined
            cursor.move(cursor.index + 1)
        if depth:
            raise cursor.problem(f'the "{{" of ${name} is never closed', index=start)
        if start == cursor.index:
            raise cursor.unexpected("a value", f"after {name} =")
        cursor.define(name, start, cursor.index)

    # Commands -------------------------------------------------------------------------------------------------------------------

    def _command(self) -> None:
        cursor = self.cursor
        word = cursor.text if cursor.kind == "word" else ""
        if word == "table":
            self._table()
        elif word in ("add", "create", "insert"):
            cursor.advance()
            self._add(word)
        elif word in ("delete", "destroy"):
            cursor.advance()
            self._delete(word)
        elif word == "flush":
            cursor.advance()
            self._flush()
        else:
            advice = did_you_mean(cursor.text, _COMMANDS) or "a file holds commands such as: table inet filter { … }"
            raise cursor.problem(f'found "{cursor.text}", expected a command', advice)

    def _family(self) -> str:
        return self.cursor.accept_word(*tables.FAMILIES) if self.cursor.ahead() not in ("{", "\n", ";") else ""

    def _table_key(self) -> tuple[str, str]:
        cursor = self.cursor
        family = cursor.accept_word(*tables.FAMILIES) if cursor.ahead() not in ("{", "", "\n") else ""
        return family or "ip", cursor.expect_name("the name of a table")

    def _table(self) -> TableState:
        cursor = self.cursor
        place = cursor.place()
        cursor.advance()
        key = self._table_key()
        table = self.tables.setdefault(key, TableState(*key, place))
        if cursor.kind == "{":
            self._block(lambda: self._table_item(table), f"table {key[1]}")
        return table

    def _find_table(self, key: tuple[str, str], at: int) -> TableState:
        table = self.tables.get(key)
        if table is None:
            known = [" ".join(each) for each in self.tables]
            raise self.cursor.problem(
                f"there is no table {key[0]} {key[1]}", did_you_mean(" ".join(key), known) or "add the table first", index=at
            )
        return table

    def _add(self, command: str) -> None:
        """``add|create|insert table|chain|rule|set|map|element …``."""
        cursor = self.cursor
        if cursor.text == "table":
            self._table()
            return
        kind = cursor.accept_word("chain", "rule", "set", "map", "element")
        if not kind:
            if cursor.text in _OBJECTS:
                raise cursor.problem(f"{_OBJECTS[cursor.text]} are not supported yet")
            raise cursor.problem(
                f'cannot {command} "{cursor.text}"', did_you_mean(cursor.text, ("table", "chain", "rule", "set", "map", "element"))
            )
        at = cursor.index
        table = self._find_table(self._table_key(), at)
        if kind == "chain":
            self._chain(table)
        elif kind in ("set", "map"):
            self._set(table, kind)
        elif kind == "element":
            name = self._set_name(table)
            table.add_elements(name, self._read_elements(table.sets[name]))
        else:
            self._add_rule(command, table)

    def _add_rule(self, command: str, table: TableState) -> None:
        cursor = self.cursor
        chain = self._find_chain(table)
        place = len(chain.rules) if command == "add" else 0
        if (word := cursor.accept_word("index", "position", "handle")) == "index":
            place = min(cursor.expect_number("a number"), len(chain.rules)) + (command == "add")
        elif word:
            number = cursor.expect_number("a handle")
            found = [index for index, rule in enumerate(chain.rules) if rule.handle == number]
            if not found:
                raise cursor.problem(f"no rule of chain {chain.name} has the handle {number}", index=cursor.index - 1)
            place = found[0] + (command == "add")
        chain.rules.insert(place, parse_rule(cursor, table.family))

    def _find_chain(self, table: TableState) -> ChainState:
        cursor = self.cursor
        name = cursor.expect_name("the name of a chain")
        if name not in table.chains:
            raise cursor.problem(
                f"table {table.name} has no chain {name}", did_you_mean(name, table.chains) or "add the chain first", index=cursor.index - 1
            )
        return table.chains[name]

    def _set_name(self, table: TableState) -> str:
        cursor = self.cursor
        name = cursor.expect_name("the name of a set")
        if name not in table.sets:
            raise cursor.problem(
                f"table {table.name} has no set {name}", did_you_mean(name, table.sets) or "add the set first", index=cursor.index - 1
            )
        return name

    def _delete(self, command: str) -> None:
        """``delete`` complains of what is not there, ``destroy`` does not."""
        cursor = self.cursor
        if command == "destroy":
            cursor.warn("destroy is understood by nft 1.0.7 and later only", index=cursor.index - 1)
        kind = cursor.accept_word("table", "chain", "rule", "set", "map", "element")
        if not kind:
            raise cursor.problem(
                f'cannot {command} "{cursor.text}"', did_you_mean(cursor.text, ("table", "chain", "rule", "set", "map", "element"))
            )
        at = cursor.index
        key = self._table_key()
        if kind == "table":
            if self.tables.pop(key, None) is None and command == "delete":
                cursor.warn(f"table {key[0]} {key[1]} is not there yet: stock nft refuses the file unless the kernel holds it", index=at)
            return
        if command == "destroy" and key not in self.tables:
            while not cursor.at_end():
                cursor.advance()
            return
        self._delete_from(self._find_table(key, at), kind, command)

    def _delete_from(self, table: TableState, kind: str, command: str) -> None:
        cursor = self.cursor
        if kind == "element":
            name = self._set_name(table)
            table.remove_elements(name, self._read_elements(table.sets[name]))
        elif kind == "rule":
            chain = self._find_chain(table)
            cursor.accept_word("handle") or cursor.expect("handle", "after the chain's name")
            number = cursor.expect_number("a handle")
            kept = [rule for rule in chain.rules if rule.handle != number]
            if len(kept) == len(chain.rules) and command == "delete":
                raise cursor.problem(f"no rule of chain {chain.name} has the handle {number}", index=cursor.index - 1)
            chain.rules[:] = kept
        else:
            owner: dict[str, ChainState] | dict[str, NamedSet] = table.chains if kind == "chain" else table.sets
            name = cursor.expect_name(f"the name of a {kind}")
            if owner.pop(name, None) is None and command == "delete":
                raise cursor.problem(f"table {table.name} has no {kind} {name}", did_you_mean(name, owner), index=cursor.index - 1)

    def _flush(self) -> None:
        cursor = self.cursor
        if cursor.accept_word("ruleset"):
            family = cursor.accept_word(*tables.FAMILIES)
            for key in [key for key in self.tables if not family or key[0] == family]:
                del self.tables[key]
            return
        kind = cursor.accept_word("table", "chain", "set", "map")
        if not kind:
            raise cursor.problem(f'cannot flush "{cursor.text}"', did_you_mean(cursor.text, ("ruleset", "table", "chain", "set")))
        at = cursor.index
        table = self._find_table(self._table_key(), at)
        if kind == "table":
            for chain in table.chains.values():
                chain.rules.clear()
        elif kind == "chain":
            self._find_chain(table).rules.clear()
        else:
            name = self._set_name(table)
            table.sets[name] = replace(table.sets[name], elements=())

    # Tables and chains ----------------------------------------------------------------------------------------------------------

    def _table_item(self, table: TableState) -> None:
        cursor = self.cursor
        word = cursor.text if cursor.kind == "word" else ""
        if word == "chain":
            cursor.advance()
            self._chain(table)
        elif word in ("set", "map"):
            cursor.advance()
            self._set(table, word)
        elif word == "comment":
            cursor.advance()
            table.comment = cursor.expect("string", "after comment")
        elif word == "flags":
            cursor.advance()
            flag = cursor.accept_word("dormant", "owner", "persist")
            if not flag:
                raise cursor.unexpected("dormant")
            table.dormant |= flag == "dormant"
        elif word in _OBJECTS:
            raise cursor.problem(f"{_OBJECTS[word]} are not supported yet", "remove the block, or wait for a later version")
        else:
            raise cursor.unexpected(
                "chain, set or map", "in a table", did_you_mean(cursor.text, ("chain", "set", "map", "comment", "flags"))
            )

    def _chain(self, table: TableState) -> None:
        cursor = self.cursor
        place = cursor.place()
        name = cursor.expect_name("the name of a chain")
        chain = table.chains.setdefault(name, ChainState(name, place))
        if cursor.kind == "{":
            self._block(lambda: self._chain_item(table, chain), f"chain {name}")

    def _chain_item(self, table: TableState, chain: ChainState) -> None:
        cursor = self.cursor
        if cursor.kind == "word":
            if cursor.text == "type" and cursor.ahead(2) == "hook":
                self._base_chain(table, chain)
                return
            if cursor.text == "policy":
                self._policy(chain)
                return
            if cursor.text == "comment":
                cursor.advance()
                chain.comment = cursor.expect("string", "after comment")
                return
        chain.rules.append(parse_rule(cursor, table.family))

    def _base_chain(self, table: TableState, chain: ChainState) -> None:
        """``type filter hook input [device "eth0"] priority filter - 5``."""
        cursor = self.cursor
        cursor.advance()
        kind = cursor.accept_word("filter", "nat", "route")
        if not kind:
            raise cursor.problem(
                f'no chain type is called "{cursor.text}"', did_you_mean(cursor.text, ("filter", "nat", "route")) or "filter, nat or route"
            )
        if kind != "filter":
            raise cursor.problem(
                f"chains of type {kind} are not supported yet", "remove the chain, or wait for a later version", index=cursor.index - 1
            )
        cursor.advance()
        hooks = tables.HOOKS[table.family]
        hook = cursor.accept_word(*hooks)
        if not hook:
            raise cursor.problem(
                f'family {table.family} has no hook "{cursor.text}"', did_you_mean(cursor.text, hooks) or f"one of: {', '.join(hooks)}"
            )
        if hook in ("ingress", "egress"):
            raise cursor.problem(
                f"{hook} chains are not supported yet", "remove the chain, or wait for a later version", index=cursor.index - 1
            )
        cursor.accept_word("priority") or cursor.expect("priority", "after the hook")
        priority = self._priority(table.family)
        chain.base = BaseChain(kind, hook, priority, policy_place=chain.place)

    def _priority(self, family: str) -> int:
        cursor = self.cursor
        if cursor.kind == "var":
            with cursor.variable():
                return self._priority(family)
        sign = -1 if cursor.accept("-") else 1
        names = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300} if family == "bridge" else tables.PRIORITIES
        if cursor.text in names and cursor.kind == "word":
            number = names[cursor.advance()]
        elif cursor.text.isdecimal():
            return sign * cursor.expect_number("a priority")
        else:
            raise cursor.problem(
                f'no priority is called "{cursor.text}"', did_you_mean(cursor.text, names) or f"a number, or one of: {', '.join(names)}"
            )
        if cursor.kind in ("+", "-"):
            sign = 1 if cursor.advance() == "+" else -1
            number += sign * cursor.expect_number("an offset")
        return number

    def _policy(self, chain: ChainState) -> None:
        cursor = self.cursor
        place = cursor.place()
        cursor.advance()
        if chain.base is None:
            raise cursor.problem(
                f"chain {chain.name} is no base chain, so it has no policy", "write type … hook … priority … first", index=cursor.index - 1
            )
        if cursor.kind == "var":
            with cursor.variable():
                policy = cursor.accept_word("accept", "drop")
        else:
            policy = cursor.accept_word("accept", "drop")
        if not policy:
            raise cursor.problem(f'a policy is accept or drop, not "{cursor.text}"', did_you_mean(cursor.text, ("accept", "drop")))
        chain.base = replace(chain.base, policy=policy, policy_place=place)

    # Sets -----------------------------------------------------------------------------------------------------------------------

    def _set(self, table: TableState, kind: str) -> None:
        cursor = self.cursor
        place = cursor.place()
        name = cursor.expect_name(f"the name of a {kind}")
        state = _SetState(kind, NamedSet(name, (), place=place))
        at = cursor.index
        self._block(lambda: self._set_item(state), f"{kind} {name}")
        if not state.value.types:
            raise cursor.problem(f"{kind} {name} has no type", "write: type ipv4_addr, or another", index=at)
        for start in state.elements:
            saved = cursor.save()
            cursor.restore(start)
            state.value = replace(state.value, elements=self._read_elements(state.value))
            cursor.restore(saved)
        known = table.sets.get(name)
        if known is not None:
            state.value = replace(state.value, elements=tuple(dict.fromkeys((*known.elements, *state.value.elements))))
        table.sets[name] = state.value

    def _set_item(self, state: _SetState) -> None:
        cursor = self.cursor
        word = cursor.accept_word(
            "type", "typeof", "flags", "timeout", "gc-interval", "size", "auto-merge", "elements", "comment", "counter", "policy"
        )
        value = state.value
        if word == "type":
            types, data = self._set_types(state.kind)
            state.value = replace(value, types=types, data_type=data)
        elif word == "typeof":
            selectors = tuple(key.selector for key in parse_keys(cursor))
            data = self._data_type() if state.kind == "map" else ""
            state.value = replace(value, types=tuple(each.type_name for each in selectors), typeof=selectors, data_type=data)
        elif word == "flags":
            state.value = replace(value, flags=self._set_flags())
        elif word == "timeout":
            state.value = replace(value, timeout_ns=parse_duration_word(cursor))
        elif word == "gc-interval":
            state.value = replace(value, gc_interval_ns=parse_duration_word(cursor))
        elif word == "size":
            state.value = replace(value, size=cursor.expect_number("a number of elements"))
        elif word == "auto-merge":
            state.value = replace(value, auto_merge=True)
        elif word == "comment":
            state.value = replace(value, comment=cursor.expect("string", "after comment"))
        elif word == "counter":
            state.value = replace(value, counter=True)
        elif word == "policy":
            state.value = replace(value, policy=cursor.accept_word("performance", "memory") or cursor.expect_name("performance or memory"))
        elif word == "elements":
            self._postpone_elements(state)
        else:
            known = ("type", "typeof", "flags", "timeout", "size", "auto-merge", "elements", "comment", "counter", "policy", "gc-interval")
            raise cursor.unexpected("type, flags or elements", f"in a {state.kind}", did_you_mean(cursor.text, known))

    def _postpone_elements(self, state: _SetState) -> None:
        """Elements are read when the whole block is known: their type may stand behind them."""
        cursor = self.cursor
        cursor.expect("=", "after elements")
        state.elements.append(cursor.save())
        depth = 0
        while cursor.kind != "eof" and (depth or not cursor.at_end()):
            depth += (cursor.kind == "{") - (cursor.kind == "}")
            cursor.move(cursor.index + 1)

    def _set_types(self, kind: str) -> tuple[tuple[str, ...], str]:
        cursor = self.cursor
        names = [self._type_name()]
        while cursor.accept("."):
            names.append(self._type_name())
        return tuple(names), self._data_type() if kind == "map" else ""

    def _type_name(self) -> str:
        cursor = self.cursor
        name = cursor.expect_name("a type")
        if name not in DATATYPES or name in ("integer", "string"):
            advice = did_you_mean(name, DATATYPES) or "for example ipv4_addr, ipv6_addr, inet_service, inet_proto, ifname, mark"
            raise cursor.problem(f'no type is called "{name}"', advice, index=cursor.index - 1)
        return name

    def _data_type(self) -> str:
        cursor = self.cursor
        cursor.expect(":", "before what the map yields")
        if not cursor.accept_word("verdict"):
            raise cursor.problem(
                "maps that yield anything but verdicts are not supported yet", "remove the map, or wait for a later version"
            )
        return "verdict"

    def _set_flags(self) -> tuple[str, ...]:
        cursor = self.cursor
        flags = []
        while True:
            flag = cursor.accept_word("constant", "interval", "timeout", "dynamic")
            if not flag:
                known = ("constant", "interval", "timeout", "dynamic")
                raise cursor.problem(
                    f'no set flag is called "{cursor.text}"', did_you_mean(cursor.text, known) or f"one of: {', '.join(known)}"
                )
            flags.append(flag)
            if not cursor.accept(","):
                return tuple(flags)

    def _read_elements(self, known: NamedSet) -> tuple[Element, ...]:
        cursor = self.cursor
        at = cursor.index
        types: list[Datatype] = [DATATYPES[name] for name in known.types]
        value = (lambda inner: Element((), parse_verdict(inner))) if known.data_type == "verdict" else None
        elements = parse_elements(cursor, types, value)
        if not elements:
            cursor.warn(f"set {known.name} gets an empty list of elements, which nft 1.0.6 refuses", "leave the line out", index=at)
        if known.types and "interval" not in known.flags and any(first != last for each in elements for first, last in each.parts):
            raise cursor.problem(f"set {known.name} takes single values only", "add: flags interval", index=at)
        return elements


class _SetState:
    """A set block while it is read."""

    def __init__(self, kind: str, value: NamedSet) -> None:
        self.kind = kind
        self.value = value
        self.elements: list[tuple[Source, int, int, int]] = []
