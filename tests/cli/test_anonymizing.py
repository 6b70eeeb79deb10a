"""Substitutes that are proven to be judged alike; ``test_reduce.py`` sees the rest from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest
from checkout import ROOT
from engine_defaults import engine_defaults

from pcapaudit.cli import anonymizing
from pcapaudit.cli.anonymizing import anonymized
from pcapaudit.cli.trials import Trials, read_cut
from pcapaudit.core.errors import OutputError

CAPTURES = sorted(path for path in (ROOT / "captures").iterdir() if path.suffix in (".pcap", ".pcapng"))


def trials(tmp_path, *words):
    """Runs with these options."""
    return Trials((engine_defaults("--seed", "1", *words),), tmp_path / "trial.pcapng")


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_every_capture_is_judged_alike(tmp_path, path):
    """With the built-in ruleset: verdicts, states, status bits, time-outs, rules and flows of every frame."""
    cut = read_cut([str(path)], None)
    made = anonymized(trials(tmp_path), cut, b"key", None, keep_payload=False)
    assert list(made.frames) == list(cut.frames)
    assert [frame.ts_ns for frame in made.frames.values()] == [frame.ts_ns for frame in cut.frames.values()]
    assert made.interfaces == cut.interfaces


def test_difference_is_named(tmp_path, monkeypatch):
    """Frame, column, both values."""
    cut = read_cut([str(ROOT / "captures" / "web.pcap")], None)
    syn = next(number for number, frame in cut.frames.items() if len(frame.data) > 47 and frame.data[23] == 6 and frame.data[47] == 2)

    def spoiled(*_arguments, **_options):
        data = bytearray(cut.frames[syn].data)
        data[47] = 0x3F
        return replace(cut, frames={**cut.frames, syn: replace(cut.frames[syn], data=bytes(data))})

    monkeypatch.setattr(anonymizing, "_substitutes", spoiled)
    with pytest.raises(OutputError, match=rf"frame {syn + 1}: its verdict would be drop, not accept, with addresses replaced"):
        anonymized(trials(tmp_path), cut, b"key", None, keep_payload=False)


def test_mac_addresses_of_rules_stay(tmp_path):
    """A rule that names one could not be met otherwise."""
    cut = read_cut([str(ROOT / "captures" / "web.pcap")], None)
    mac = next(iter(cut.frames.values())).data[6:12]
    rules = tmp_path / "fw.nft"
    rules.write_text(
        f"table inet f {{ chain c {{ type filter hook forward priority 0; policy drop;\nether saddr {mac.hex(':')} accept\n}} }}\n"
    )
    made = anonymized(trials(tmp_path, "--rules", str(rules)), cut, b"key", None, keep_payload=False)
    assert next(iter(made.frames.values())).data[6:12] == mac
