"""From a file, or from text, to a checked ruleset. The only module of ``rules`` that opens files."""

from __future__ import annotations

from pathlib import Path

from pcapaudit.core.errors import Diagnostic, RulesetError
from pcapaudit.rules.check import check
from pcapaudit.rules.model import Place, Ruleset
from pcapaudit.rules.nft.lexer import Source
from pcapaudit.rules.nft.parser import Parser, Reader

__all__ = ["MAX_FILE_BYTES", "load_ruleset", "parse_ruleset"]

#: A larger file is no ruleset that anybody wrote or saved (a million set elements take some 20 MB).
MAX_FILE_BYTES = 64 << 20


def load_ruleset(path: str | Path) -> Ruleset:
    """Read an nftables file and what it includes. Raises RulesetError with every complaint."""
    shown = str(path)
    try:
        text = _read(Path(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RulesetError(
            [Diagnostic(shown, 0, 0, f"cannot read the ruleset: {reason}", "give the path of a file in nftables syntax")]
        ) from None
    return parse_ruleset(text, shown, _read_included)


def parse_ruleset(text: str, path: str = "<text>", reader: Reader | None = None) -> Ruleset:
    """Read nftables text; ``reader`` fetches what it includes. Raises RulesetError with every complaint."""
    parser = Parser(reader)
    ruleset = parser.parse(text, path)
    diagnostics = list(parser.cursor.diagnostics)
    if not diagnostics:
        diagnostics = [_located(parser.sources, place, message, advice) for place, message, advice in check(ruleset)]
    if diagnostics:
        order = {name: index for index, name in enumerate(parser.sources)}
        raise RulesetError(sorted(diagnostics, key=lambda each: (order.get(each.path, 0), each.line, each.column)))
    return ruleset


def _located(sources: dict[str, Source], place: Place, message: str, advice: str) -> Diagnostic:
    source = sources.get(place.path)
    shown = source.line_text(place.line) if source is not None and place.line else ""
    return Diagnostic(place.path, place.line, place.column, message, advice, shown)


def _read(path: Path) -> str:
    """A file's text. Raises OSError, or ValueError saying why it is no ruleset."""
    if path.is_dir():
        raise ValueError("it is a directory")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise ValueError("it is a binary file")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 (byte 0x{raw[error.start]:02x})") from None


def _read_included(including: str, pattern: str) -> list[tuple[str, str]]:
    """The files of an ``include``: a pattern may match none, a plain name must exist. Relative to the including file."""
    path = Path(pattern)
    folder = Path(including).parent
    if not set("*?[") & set(pattern):
        found = [path if path.is_absolute() else folder / path]
    else:
        top = Path(path.anchor) if path.is_absolute() else folder
        found = sorted(each for each in top.glob(str(path.relative_to(path.anchor) if path.is_absolute() else path)) if each.is_file())
    return [(str(each), _read(each)) for each in found]
