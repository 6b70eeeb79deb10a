"""The other way round than ``conntrack/helpers/per``: values in, aligned PER out, by the same syntax. tshark and the kernel judge both."""

from __future__ import annotations

from typing import Any

from pcapaudit.conntrack.helpers.per import Field, Kind, Node

__all__ = ["encode"]


def encode(node: Node, value: Any) -> bytes:
    """A message. Sequences are dicts of what is there, choices pairs; what the syntax does not read is given as the bytes inside."""
    writer = _Writer()
    writer.write(node, value)
    return writer.bytes()


class _Writer:
    def __init__(self) -> None:
        self._bits: list[str] = []
        self._size = 0

    def bytes(self) -> bytes:
        """Everything so far, whole bytes, at least one."""
        text = "".join(self._bits)
        text += "0" * (-len(text) % 8)
        return int(text or "0", 2).to_bytes(max(len(text) // 8, 1), "big")

    def write(self, node: Node, value: Any) -> None:
        """One value."""
        if node.kind == Kind.SEQUENCE:
            self._sequence(node, value)
        elif node.kind == Kind.CHOICE:
            self._choice(node, *value)
        elif node.kind == Kind.LIST:
            self._align()
            self._length(len(value))
            for each in value:
                self._item(node.root[0].node, each)
        elif node.kind == Kind.BOOLEAN:
            self._put(int(value), 1)
        elif node.kind == Kind.OID:
            self._align()
            self._raw(bytes([len(value)]) + value)
        elif node.kind in (Kind.INTEGER, Kind.SECONDS):
            self._integer(node, value)
        elif node.kind in (Kind.OCTETS, Kind.BMP, Kind.DIGITS, Kind.BITS):
            self._string(node, value)

    def _sequence(self, node: Node, value: dict[str, Any]) -> None:
        added = [field for field in node.additions if field.name in value]
        added += [Field(name, None) for name in value if name.startswith("new")]
        if node.extensible:
            self._put(bool(added), 1)
        for field in node.root:
            if field.optional:
                self._put(field.name in value, 1)
        for field in node.root:
            if field.name in value:
                self.write(field.node, value[field.name]) if field.node else self._raw_bits(value[field.name])
        if added:
            fields = [*node.additions, *(field for field in added if field not in node.additions)]
            self._put(len(fields) - 1, 7)
            for field in fields:
                self._put(field in added, 1)
            self._align()
            for field in added:
                self._open(field.node, value[field.name])

    def _choice(self, node: Node, name: str, value: Any) -> None:
        names = [field.name for field in (*node.root, *node.additions)]
        index = names.index(name) - len(node.root)
        if node.extensible:
            self._put(index >= 0, 1)
        if index >= 0:
            self._put(index, 7)
            self._align()
            self._open(node.additions[index].node, value)
            return
        index += len(node.root)
        self._put(index, (len(node.root) - 1).bit_length())
        field = node.root[index]
        self.write(field.node, value) if field.node else self._raw_bits(value)

    def _item(self, node: Node | None, value: Any) -> None:
        if node is not None and node.kind == Kind.OPEN:
            self._align()
            self._open(node.root[0].node, value)
        elif node is not None:
            self.write(node, value)

    def _open(self, node: Node | None, value: Any) -> None:
        data = value if node is None or isinstance(value, bytes) else encode(node, value)
        self._length(len(data))
        self._raw(data)

    def _integer(self, node: Node, value: int) -> None:
        if node.high is None or node.high - node.low + 1 > 0x10000:
            raw = value if node.high is None else value - node.low
            data = raw.to_bytes(max(1, (raw.bit_length() + 7) // 8), "big")
            if node.high is not None:
                self._put(len(data) - 1, 2)
            self._align()
            if node.high is None:
                self._length(len(data))
            self._raw(data)
            return
        self._number(value - node.low, node.high - node.low + 1)

    def _string(self, node: Node, value: Any) -> None:
        data = value if isinstance(value, bytes) else value.encode("utf-16-be")
        size = len(data) // 2 if node.kind == Kind.BMP else len(data)
        if node.high is None:
            self._align()
            self._length(size)
        elif node.low != node.high:
            self._number(size - node.low, node.high - node.low + 1)
        if node.low != node.high or node.low > 2:
            self._align()
        if node.kind == Kind.DIGITS:
            for digit in data:
                self._put(digit - 45, 4)
            return
        self._raw(data)

    def _number(self, value: int, count: int) -> None:
        if count > 255:
            self._align()
        self._put(value, (count - 1).bit_length() if count < 256 else 8 if count == 256 else 16)

    def _length(self, size: int) -> None:
        self._raw(bytes([size]) if size < 0x80 else (0x8000 | size).to_bytes(2, "big"))

    def _raw(self, data: bytes) -> None:
        for byte in data:
            self._put(byte, 8)

    def _raw_bits(self, data: bytes | None) -> None:
        self._raw(data or b"")

    def _put(self, value: int, count: int) -> None:
        if count:
            self._bits.append(format(value, f"0{count}b"))
            self._size += count

    def _align(self) -> None:
        self._put(0, -self._size % 8)
