"""Replaces the addresses of some frames, and proves that nothing else changed. Imported when it is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pcapaudit.api.session import open_sessions
from pcapaudit.cli.trials import Cut, Trials, write_pcapng
from pcapaudit.core import vocab
from pcapaudit.core.columns import PacketBatch
from pcapaudit.core.errors import OutputError
from pcapaudit.regress.anonymize import Anonymizer
from pcapaudit.regress.prefix_map import MacMap, PrefixMap, macs_in, prefixes_in
from pcapaudit.rules.nft.printer import format_ruleset
from pcapaudit.wire.decode import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pcapaudit.regress.keep import Outcome, Target
    from pcapaudit.replay.consumer import Context

__all__ = ["anonymized"]

#: Columns that must be the same for every frame, and what their numbers are called.
_PROVEN: dict[str, Any] = {
    "verdict": vocab.VERDICTS.get,
    "reason": lambda number: vocab.REASONS.get(number) or "none",
    "ct_state": lambda number: vocab.CT_STATES.get(number) or "none",
    "direction": str,
    "ct_status": hex,
    "tcp_state": str,
    "timeout_ns": str,
    "rule": str,
    "chain": str,
    "flow": str,
}


def anonymized(trials: Trials, cut: Cut, key: bytes, target: Target | None, *, keep_payload: bool) -> Cut:
    """The substitutes of all frames of a cut, which the rules judge as they judge these.

    Raises OutputError that names the first frame that is judged otherwise, CaptureError for a link type that is not known.
    """
    made = _substitutes(trials, cut, key, keep_payload=keep_payload)
    numbers = list(cut.frames)
    findings = target is not None and target.keep.kind == "finding"
    before, after = (trials.over(each, numbers, findings=findings) for each in (cut, made))
    _compare(before, after, numbers)
    if target is not None and findings and not target.shown(after, numbers):
        why = "it hangs on addresses inside of payloads" if keep_payload else "it hangs on payloads, try --keep-payload"
        raise OutputError(f"with addresses replaced the capture shows no {target.keep.code}, and nothing was written: {why}")
    return made


def _substitutes(trials: Trials, cut: Cut, key: bytes, *, keep_payload: bool) -> Cut:
    numbers = list(cut.frames)
    with trials.path.open("wb") as file:
        write_pcapng(file, cut, numbers)
    with open_sessions([str(trials.path)], trials.sides[0], trials.sides) as (stream, contexts):
        texts = [text for context in contexts for text in _texts(context)]
        maker = Anonymizer(
            PrefixMap(key, (each for text in texts for each in prefixes_in(text))),
            MacMap(key, (each for text in texts for each in macs_in(text))),
            keep_payload=keep_payload,
        )
        batch = PacketBatch()
        decoder = Decoder(batch, trials.sides[0].checksum)
        frames = []
        while stream.read_into(batch):
            decoder.decode()
            frames += [maker.frame(batch, i) for i in range(batch.count)]
    # In the file that was just read interfaces have other numbers.
    return Cut(
        cut.interfaces,
        {number: replace(frame, interface=cut.frames[number].interface) for number, frame in zip(numbers, frames, strict=True)},
    )


def _texts(context: Context) -> Iterable[str]:
    """Where rules and topology say something of addresses."""
    yield format_ruleset(context.ruleset)
    for zone in context.topology.zones:
        yield " ".join(map(str, (*zone.prefixes, *zone.macs)))
    yield " ".join(map(str, context.topology.own))


def _compare(before: Outcome, after: Outcome, numbers: list[int]) -> None:
    for one, other in zip(before.records, after.records, strict=True):
        for name, word in _PROVEN.items():
            differing = np.flatnonzero(one.columns[name] != other.columns[name])
            if len(differing):
                i = int(differing[0])
                was, now = (word(int(each.columns[name][i])) for each in (one, other))
                raise OutputError(
                    f"frame {numbers[i] + 1}: its {name} would be {now}, not {was}, with addresses replaced; nothing was written: "
                    "the rules look at something besides prefixes and ranges of addresses; payloads may matter (--keep-payload)"
                )
