"""One capture file, from its bytes to rows: keeps the buffer filled, reads the headers, turns faults into errors.

The unread bytes of the file lie in the buffer of the batch that was filled last, so that nothing is copied but the part of a record
that a piece ends with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pcapaudit.capture import signals
from pcapaudit.capture.inputs import Input, label
from pcapaudit.capture.kinds import describe
from pcapaudit.capture.pcap import HEADER_BYTES, is_pcap, read_header
from pcapaudit.capture.pcapng import Interface, is_pcapng, options_fit, read_interface, read_section
from pcapaudit.capture.walk import Walker
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.consts import BUFFER_BYTES, SCRATCH_BYTES
from pcapaudit.core.errors import CaptureError

__all__ = ["CaptureFile", "NotACaptureError", "Source"]

#: FAULT_ → what was found, what was expected.
FAULTS = {
    signals.FAULT_CAPLEN: ("a record of {found} captured bytes", "at most {limit}"),
    signals.FAULT_BLOCK_LEN: ("a block of {found} bytes", "a multiple of 4, {limit} or more"),
    signals.FAULT_TRAILER: ("a block that ends with the length {found}", "the length that it begins with, {limit}"),
    signals.FAULT_INTERFACE: ("a frame of interface {found}", "one of the {limit} interfaces that its section has described so far"),
    signals.FAULT_BLOCK_CAPLEN: ("a frame of {found} bytes", "at most the {limit} bytes that its block has room for"),
    signals.FAULT_BYTE_ORDER: ("the byte-order magic {hex}", "0x1a2b3c4d in either order"),
    signals.FAULT_BLOCK_OVER: ("a packet block of {found} bytes", "at most {limit}"),
}
#: Bytes that are looked at to say what a file is that is no capture.
_LOOK_BYTES = 512
#: Bytes of the first read: enough for the header, and no waste when that is all that is wanted.
_FIRST_BYTES = 8192
#: With less than this left in the buffer, more is read before the walk goes on.
_LOW_BYTES = BUFFER_BYTES // 4


class NotACaptureError(CaptureError):
    """A file of another kind: in a folder it is passed over."""


@dataclass(slots=True)
class CaptureFile:
    """What is known of a file of a stream; frames, bytes and anomalies grow as it is read."""

    #: As it was given; "-" for standard input.
    path: str
    #: "pcap" or "pcapng".
    format: str = ""
    #: "" or the name of the compression: gzip, zstd, xz, lz4, bzip2.
    compressed: str = ""
    #: Frames read so far.
    frames: int = 0
    #: Bytes of capture read so far, decompressed.
    bytes: int = 0
    #: Name → how often. Oddities of the file, not of its frames.
    anomalies: dict[str, int] = field(default_factory=dict)
    #: Comments of the file's sections, in file order.
    comments: list[str] = field(default_factory=list)


class Source:
    """Reads one file. ``fill`` it into batches until that returns False."""

    def __init__(self, source: Input, file_id: int, register: Callable[[Interface], int], *, strict: bool = False) -> None:
        """Read the file header, which decides the format. Raises CaptureError.

        ``register`` numbers an interface in the stream; ``strict``: whatever would be a warning is an error.
        """
        self._input = source
        self._register = register
        self._file_id = file_id
        self._strict = strict
        #: What a person should know, one line each.
        self.warnings: list[str] = []
        self._walker = Walker(file_id)
        self._batch = PacketBatch()
        #: Unread bytes are ``buffer[_pos:_end]`` of ``_batch``; the first of them is byte ``_base + _pos`` of the file.
        self._pos = self._end = self._base = 0
        self._ended = False
        self._error: CaptureError | None = None
        self._bad_options = 0
        self.file = CaptureFile(source.path, compressed=source.compressed)
        self._name = label(source.path)
        self._begin()

    @property
    def live(self) -> bool:
        """Whether the file cannot be read twice: a pipe."""
        return self._input.live

    def fill(self, batch: PacketBatch, *, ahead: bool = True) -> bool:
        """Replace the rows of ``batch`` with the next ones of the file; False at its end. Raises CaptureError.

        ``ahead``: read on while there are frames left in the buffer, so that batches are full.
        """
        if batch is not self._batch:
            self.move(batch, self._pos)
        batch.count = 0
        if ahead and not self._input.live and self._end - self._pos < _LOW_BYTES:
            self._read()
        while not self._step(batch):
            pass
        batch.data_len = self._end
        self.file.frames = self._walker.frames
        return batch.count > 0

    def move(self, batch: PacketBatch, start: int) -> None:
        """Go on in the buffer of another batch: the bytes from ``start`` on of the present one move to its front."""
        left = self._end - start
        batch.data_len = 0
        batch.resize(left)
        batch.buffer[:left] = self._batch.buffer[start : self._end]
        batch.data_len = left
        self._base += start
        self._batch, self._pos, self._end = batch, self._pos - start, left

    def close(self) -> None:
        """Close the file."""
        self._input.close()

    def _begin(self) -> None:
        """Read the file header."""
        self._read(_FIRST_BYTES)
        self._have(4)
        if self._error is not None:
            raise self._error
        head = self._peek(HEADER_BYTES)
        if is_pcapng(head):
            self.file.format = "pcapng"
            self._walker.begin_blocks()
        elif is_pcap(head):
            self._have(HEADER_BYTES)
            header = read_header(self._peek(HEADER_BYTES), self._name)
            self.file.format = "pcap"
            interface = Interface("", header.linktype, header.snaplen, header.max_caplen, self._file_id, header.fcs_len)
            self._walker.begin_records(header, self._register(interface))
            self._pos += HEADER_BYTES
        else:
            if not self.live:
                self._have(_LOOK_BYTES)
            raise self._not_a_capture()

    def _step(self, batch: PacketBatch) -> bool:
        """Walk on; whether the batch is to be handed out (with no row in it: the file has ended)."""
        signal = self._walker.feed(batch, self._pos, self._end)
        self._pos = self._walker.pos
        if signal in (signals.SIGNAL_SECTION, signals.SIGNAL_INTERFACE):
            try:
                self._describe(signal)
            except CaptureError:
                # The same block is met again after these rows.
                if batch.count:
                    return True
                raise
        elif batch.count or signal == signals.SIGNAL_FULL:
            return True
        elif signal == signals.SIGNAL_FAULT:
            raise self._fault()
        elif not self._have(self._walker.need):
            self._finish()
            return True
        return False

    def _describe(self, signal: int) -> None:
        """Take the section header or interface description at the walker's place."""
        block = self._peek(min(self._walker.block_len, signals.BLOCK_HEAD_BYTES))
        order = ">" if self._walker.big else "<"
        fit = options_fit(block, order, self._walker.block_len)
        if signal == signals.SIGNAL_SECTION:
            self.file.comments += read_section(block, order, self._name, self._base + self._pos)
            self._walker.begin_section()
        else:
            interface = read_interface(block, order, self._file_id)
            self._walker.add_interface(interface, self._register(interface))
        self._bad_options += not fit

    def _peek(self, size: int) -> bytes:
        return bytes(self._batch.buffer[self._pos : min(self._pos + size, self._end)])

    def _have(self, need: int) -> bool:
        """Read until ``need`` unread bytes are there; False when the file ends before. Rows of the batch lose their bytes."""
        while self._end - self._pos < need and not self._ended:
            self._batch.data_len = self._end
            self._batch.resize(need)
            self._read()
        return self._end - self._pos >= need

    def _read(self, most: int = BUFFER_BYTES) -> None:
        """Move the unread bytes to the front and read behind them, once."""
        buffer, left = self._batch.buffer, self._end - self._pos
        if self._pos:
            buffer[:left] = buffer[self._pos : self._end].copy()
            self._base += self._pos
            self._pos, self._end = 0, left
        room = memoryview(buffer)[left : len(buffer) - SCRATCH_BYTES][:most]
        if self._ended:
            return
        try:
            count = self._input.readinto(room)
        except CaptureError as error:
            # The frames that are in the buffer come first.
            self._error, count = error, 0
        self._ended = count == 0
        self._end += count
        self.file.bytes += count

    def _finish(self) -> None:
        """The bytes are over: why, or what is left of them, or what is missing, is the file's anomaly."""
        if self._error is not None:
            raise self._error
        left, missing = self._end - self._pos, self._walker.skip
        if self._base + self._pos == 0:
            raise CaptureError(self._name, left, "the end of the file", "the rest of the section header", "The file holds no frames.")
        bad = self._bad_options + self._walker.bad_options
        if bad:
            self._note("bad-options", None, f"{bad} blocks with options that do not fit", "options that lie within their block", bad)
            self._bad_options = self._walker.bad_options = 0
        name, found, expected = self._input.anomaly
        if name:
            self._note(name, None, found, expected)
        if (left or missing) and name != "truncated-compression":
            expected = f"{missing} more bytes of a block" if missing else f"{self._walker.need} or more"
            self._note("truncated-record", self._base + self._pos, f"the end of the file after {left} bytes of a record", expected)
        self._pos = self._end
        self._walker.skip = 0

    def _note(self, anomaly: str, offset: int | None, found: str, expected: str, count: int = 1) -> None:
        """Count an anomaly of the file and warn of it, or raise in a strict run."""
        error = CaptureError(self._name, offset, found, expected, "Without --strict the frames before it are used.")
        if self._strict:
            raise error
        self.file.anomalies[anomaly] = self.file.anomalies.get(anomaly, 0) + count
        place = self._name if offset is None else f"{self._name}: offset {offset}"
        used = "The options are not read further." if anomaly == "bad-options" else f"The {self._walker.frames} frames before it are used."
        self.warnings.append(f"{place}: found {found}; expected {expected}. {used}")

    def _not_a_capture(self) -> NotACaptureError:
        found, advice = describe(self._peek(_LOOK_BYTES))
        if self.file.compressed:
            found = f"{found}, compressed with {self.file.compressed}"
        return NotACaptureError(self._name, 0, found, "pcap or pcapng", advice)

    def _fault(self) -> CaptureError:
        """The walker's complaint as an error."""
        walker = self._walker
        found, expected = FAULTS[walker.fault]
        values = {"found": walker.found, "limit": walker.limit, "hex": f"{walker.found:#010x}"}
        advice = f"The file is damaged from here on; the {walker.frames} frames before it are good: see editcap(1) to cut them out."
        return CaptureError(self._name, self._base + self._pos, found.format(**values), expected.format(**values), advice)
