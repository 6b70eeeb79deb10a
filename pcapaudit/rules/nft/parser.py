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
from pcapaudit.rules.model import BaseChain, NamedSet, Rule, Ruleset, Statement, Unsupported
from pcapaudit.rules.nft.builder import ChainState, TableState, freeze
from pcapaudit.rules.nft.cursor import MAX_DIAGNOSTICS, Cursor, SyntaxProblem, did_you_mean
from pcapaudit.rules.nft.lexer import Source, tokenize
from pcapaudit.rules.nft.sets import OBJECTS, parse_object, parse_set, read_elements
from pcapaudit.rules.nft.statements import parse_rule
from pcapaudit.rules.unsupported import leading_matches, not_understood

__all__ = ["Parser", "Reader"]

#: Given the including file's path and the pattern: (path, text) of each file. Raises OSError when there is none.
Reader = Callable[[str, str], list[tuple[str, str]]]

_COMMANDS = ("table", "add", "create", "insert", "delete", "destroy", "flush", "define", "redefine", "undefine", "include")
_INCLUDE_DEPTH = 16
#: Includes of a whole run: two files that include each other twice would double them at each level.
_MAX_INCLUDED = 1000


class Parser:
    """Reads one file and what it includes."""

    def __init__(self, reader: Reader | None = None, *, undecidable: bool = False) -> None:
        self.reader = reader
        #: Rules and sets that are not understood do not make the file unusable.
        self.undecidable = undecidable
        self.tables: dict[tuple[str, str], TableState] = {}
        self.sources: dict[str, Source] = {}
        self.depth = 0
        #: Files included so far, each time that one is.
        self.included = 0
        self.cursor = Cursor(tokenize("", ""))

    def parse(self, text: str, path: str) -> Ruleset:
        """The ruleset, checked for syntax only; complaints are in ``cursor.diagnostics``."""
        source, warnings = self._open(text, path), self.cursor.warnings
        self.cursor = Cursor(source)
        self.cursor.warnings += warnings
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
        self.included += len(files)
        if self.included > _MAX_INCLUDED:
            self.depth -= 1
            raise cursor.problem(f"more than {_MAX_INCLUDED} files are included: do files include each other?", index=at)
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
        name = cursor.expect_new_name("the name of a variable")
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
        return family or "ip", cursor.expect_new_name("the name of a table")

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
        # "rule" may be left out.
        kind = "rule" if cursor.text in tables.FAMILIES else self._kind(command)
        at = cursor.index
        table = self._find_table(self._table_key(), at)
        if kind == "chain":
            self._chain(table)
        elif kind in ("set", "map"):
            parse_set(cursor, table, kind, self._block)
        elif kind == "element":
            name = self._set_name(table)
            table.add_elements(name, read_elements(cursor, table.sets[name]))
        elif kind == "rule":
            self._add_rule(command, table)
        else:
            parse_object(cursor, table, kind, self._block)

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
        chain.rules.insert(place, self._rule(table))

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
        kind = self._kind(command)
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

    def _kind(self, command: str) -> str:
        """What a command acts on: ``chain``, ``ct helper`` …"""
        cursor = self.cursor
        kind = cursor.accept_word("table", "chain", "rule", "set", "map", "element", *OBJECTS)
        if not kind:
            known = ("table", "chain", "rule", "set", "map", "element", *OBJECTS)
            raise cursor.problem(f'cannot {command} "{cursor.text}"', did_you_mean(cursor.text, known))
        return f"ct {cursor.expect_name('helper, timeout or expectation')}" if kind == "ct" else kind

    def _delete_from(self, table: TableState, kind: str, command: str) -> None:
        cursor = self.cursor
        if kind == "element":
            name = self._set_name(table)
            table.remove_elements(name, read_elements(cursor, table.sets[name]))
        elif kind == "rule":
            chain = self._find_chain(table)
            cursor.accept_word("handle") or cursor.expect("handle", "after the chain's name")
            number = cursor.expect_number("a handle")
            kept = [rule for rule in chain.rules if rule.handle != number]
            if len(kept) == len(chain.rules) and command == "delete":
                raise cursor.problem(f"no rule of chain {chain.name} has the handle {number}", index=cursor.index - 1)
            chain.rules[:] = kept
        else:
            name = cursor.expect_name(f"the name of a {kind}")
            if not table.remove(kind, name) and command == "delete":
                known = [*table.chains, *table.sets]
                raise cursor.problem(f"table {table.name} has no {kind} {name}", did_you_mean(name, known), index=cursor.index - 1)
            if kind == "chain" and cursor.kind == "{":
                self._skip_block()

    def _skip_block(self) -> None:
        """Pass over a block whose chain is being deleted: nft allows the same text as for ``add``."""
        cursor, depth = self.cursor, 0
        while cursor.kind != "eof":
            depth += (cursor.kind == "{") - (cursor.kind == "}")
            cursor.move(cursor.index + 1)
            if not depth:
                return

    def _flush(self) -> None:
        cursor = self.cursor
        if cursor.accept_word("ruleset"):
            family = cursor.accept_word(*tables.FAMILIES)
            for key in [key for key in self.tables if not family or key[0] == family]:
                del self.tables[key]
            return
        kind = cursor.accept_word("table", "chain", "set", "map", "meter")
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

    def _rule(self, table: TableState) -> Rule:
        """One rule; the sets of its meters join the table's."""
        created: list[NamedSet] = []
        read: list[Statement] = []
        saved, place = self.cursor.save(), self.cursor.place()
        try:
            rule = parse_rule(self.cursor, table.family, created, read)
            if self.cursor.kind not in ("nl", ";", "}", "eof"):
                raise self.cursor.unexpected("the end of the rule")
        except SyntaxProblem as problem:
            if not self.undecidable:
                raise
            return Rule((*leading_matches(read), Unsupported(self._forgive(problem, saved), place)), place=place)
        for each in created:
            table.sets.setdefault(each.name, each)
        return rule

    def _forgive(self, problem: SyntaxProblem, saved: tuple[Source, int, int, int]) -> str:
        """Make a warning of a complaint and go behind what it is about; returns its text."""
        self.cursor.warnings.append(not_understood(problem.diagnostic))
        self.cursor.restore(saved)
        source, start = self.cursor.source, self.cursor.source.starts[self.cursor.index]
        self.cursor.recover(saved)
        return " ".join(source.text[start : source.starts[self.cursor.index]].split())

    # Tables and chains ----------------------------------------------------------------------------------------------------------

    def _table_item(self, table: TableState) -> None:
        cursor = self.cursor
        word = cursor.text if cursor.kind == "word" else ""
        if word == "chain":
            cursor.advance()
            self._chain(table)
        elif word in ("set", "map"):
            cursor.advance()
            self._tolerantly(table, lambda: parse_set(cursor, table, word, self._block))
        elif word == "comment":
            cursor.advance()
            table.comment = cursor.expect("string", "after comment")
        elif word == "flags":
            cursor.advance()
            flag = cursor.accept_word("dormant", "owner", "persist")
            if not flag:
                raise cursor.unexpected("dormant")
            table.dormant |= flag == "dormant"
        elif word in OBJECTS:
            self._tolerantly(table, lambda: parse_object(cursor, table, self._kind("add"), self._block))
        else:
            raise cursor.unexpected(
                "chain, set or map", "in a table", did_you_mean(cursor.text, ("chain", "set", "map", "comment", "flags"))
            )

    def _tolerantly(self, table: TableState, read: Callable[[], None]) -> None:
        """Read a set or an object; what is not understood is not there, so that rules that ask for it are not understood either."""
        if not self.undecidable:
            read()
            return
        cursor = self.cursor
        saved, complaints, sets, objects = cursor.save(), len(cursor.diagnostics), dict(table.sets), dict(table.objects)
        try:
            read()
        except SyntaxProblem as problem:
            self._forgive(problem, saved)
        else:
            if len(cursor.diagnostics) == complaints:
                return
            cursor.warnings += [not_understood(each) for each in cursor.diagnostics[complaints:]]
            del cursor.diagnostics[complaints:]
        table.sets, table.objects = sets, objects

    def _chain(self, table: TableState) -> None:
        cursor = self.cursor
        place = cursor.place()
        name = cursor.expect_new_name("the name of a chain")
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
                if chain.comment:
                    cursor.warn("stock nft refuses this: the chain has a comment already", "make one of them", index=cursor.index - 1)
                chain.comment = cursor.expect("string", "after comment")
                return
        chain.rules.append(self._rule(table))

    def _base_chain(self, table: TableState, chain: ChainState) -> None:
        """``type filter hook input [device "eth0"] priority filter - 5``."""
        cursor = self.cursor
        cursor.advance()
        kind = cursor.accept_word("filter", "nat", "route")
        if not kind:
            raise cursor.problem(
                f'no chain type is called "{cursor.text}"', did_you_mean(cursor.text, ("filter", "nat", "route")) or "filter, nat or route"
            )
        cursor.advance()
        hooks = self._hooks(table.family, kind)
        at = cursor.index
        hook = cursor.accept_word(*tables.HOOKS[table.family])
        if not hook or hook not in hooks:
            what = f"{kind} chains of family {table.family} have" if hook else f"family {table.family} has"
            raise cursor.problem(
                f'{what} no hook "{hook or cursor.text}"', did_you_mean(cursor.text, hooks) or f"one of: {', '.join(hooks)}", index=at
            )
        devices = self._devices() if cursor.accept_word("device", "devices") else ()
        cursor.accept_word("priority") or cursor.expect("priority", "after the hook")
        priority = self._priority(table.family)
        chain.base = BaseChain(kind, hook, priority, devices=devices, policy_place=chain.place)
        if cursor.kind == ";" and cursor.ahead() == "policy":
            cursor.advance()
            self._policy(chain)
        while cursor.accept_word("flags"):
            cursor.expect_name("offload")

    @staticmethod
    def _hooks(family: str, kind: str) -> tuple[str, ...]:
        """The hooks at which a chain of a type may stand."""
        hooks = tables.HOOKS[family]
        if kind == "nat":
            return tuple(each for each in hooks if each not in ("forward", "ingress", "egress"))
        return tuple(each for each in hooks if each == "output") if kind == "route" else hooks

    def _devices(self) -> tuple[str, ...]:
        """``device eth0``, ``devices = { eth0, wan* }``."""
        cursor = self.cursor
        cursor.accept("=")
        if cursor.kind == "var":
            with cursor.variable():
                return self._devices()
        if not cursor.accept("{"):
            return (cursor.expect_name("the name of a device"),)
        names: list[str] = []
        while True:
            cursor.skip_lines()
            if cursor.accept("}"):
                return tuple(names)
            names.extend(self._devices())
            cursor.skip_lines()
            cursor.accept(",")

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
