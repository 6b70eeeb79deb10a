"""``pcapaudit reduce`` from outside."""

from __future__ import annotations

import json

import pytest
from checkout import ROOT
from interpreter import pcapaudit_command

from pcapaudit.capture.stream import open_stream
from pcapaudit.core.columns import PacketBatch

OFFICE = str(ROOT / "captures" / "office.pcapng")
IDLE = str(ROOT / "captures" / "idle-udp.pcap")


def frames_in(path):
    """How many frames a capture has."""
    with open_stream([str(path)]) as stream:
        batch, count = PacketBatch(), 0
        while stream.read_into(batch):
            count += batch.count
    return count


def findings(path):
    """Codes that an audit finds."""
    summary = json.loads(pcapaudit_command("audit", str(path), "--summary", "json", "--fail-on", "never").stdout)
    return [each["code"] for each in summary["violations"]["found"]]


def test_finding_is_still_found(tmp_path):
    """A call that was cut by a time-out: its first packet, and the one that came too late."""
    out = tmp_path / "small.pcapng"
    done = pcapaudit_command("reduce", OFFICE, "--keep", "finding flow-cut-by-timeout", "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"pcapaudit: wrote {out}: 2 frames\n")
    assert frames_in(out) == 2
    assert findings(out) == ["flow-cut-by-timeout"]


def test_frame_keeps_its_fate_among_strangers(tmp_path):
    """Data beyond the window, with the two packets that say what the window is; other addresses, the same reason."""
    out = tmp_path / "small.pcap"
    done = pcapaudit_command("reduce", OFFICE, "--keep", "frame 185", "--anonymize", "--key", "00ff", "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith(": 3 frames, other addresses, the same verdicts and states\n")
    summary = json.loads(pcapaudit_command("audit", str(out), "--summary", "json").stdout)
    assert summary["packets"]["by_reason"] == {"tcp-seq-over": 1}
    data = out.read_bytes()
    assert bytes([192, 168, 10, 20]) not in data
    assert bytes([198, 51, 100, 10]) not in data


def test_change_between_rulesets_is_kept(tmp_path):
    """The first packet of a connection that the other ruleset does not allow."""
    new = tmp_path / "new.nft"
    new.write_text("table inet f { chain c { type filter hook forward priority 0; policy drop; } }\n")
    out = tmp_path / "small.pcapng"
    done = pcapaudit_command("reduce", IDLE, "--keep", "flow 1 changes", "--against", str(new), "-o", str(out))
    assert done.returncode == 0, done.stderr
    diff = json.loads(pcapaudit_command("diff", "default", str(new), str(out), "--format", "json").stdout)
    assert (frames_in(out), diff["packets"]["by_kind"]["newly-blocked"]) == (1, 1)


def test_same_key_same_bytes(tmp_path):
    """Another key, other addresses; every frame is there."""
    outs = []
    for name, key in (("a", "01"), ("b", "01"), ("c", "02")):
        out = tmp_path / f"{name}.pcapng"
        assert pcapaudit_command("reduce", IDLE, "--anonymize", "--key", key, "-o", str(out), "-q").stderr == ""
        outs.append(out.read_bytes())
    assert outs[0] == outs[1] != outs[2]
    assert frames_in(tmp_path / "a.pcapng") == frames_in(IDLE)


def test_rules_judge_the_substitutes_alike(tmp_path):
    """A rule names a host and a range: both are judged as before, and the host itself cannot be hidden."""
    rules = tmp_path / "fw.nft"
    rules.write_text(
        "table inet f { chain c { type filter hook forward priority 0; policy drop;\n"
        "ip saddr 192.168.10.20 accept\nip saddr 198.51.100.5-198.51.100.9 drop\nip saddr 198.51.100.0/24 accept } }\n"
    )
    out = tmp_path / "out.pcapng"
    done = pcapaudit_command("reduce", IDLE, "--rules", str(rules), "--anonymize", "-o", str(out))
    assert done.returncode == 0, done.stderr
    one, other = (
        json.loads(pcapaudit_command("audit", each, "--rules", str(rules), "--summary", "json").stdout) for each in (IDLE, str(out))
    )
    assert [each["packets"] for each in one["rules"]] == [each["packets"] for each in other["rules"]]


def test_rules_that_look_at_single_bits_are_not_fooled(tmp_path):
    """What is no prefix cannot be promised: the first frame that would be judged otherwise is named, and nothing is written."""
    rules = tmp_path / "odd.nft"
    rules.write_text(
        "table ip f { chain c { type filter hook forward priority 0; policy drop;\n"
        "ip saddr & 0.0.0.1 == 0.0.0.1 accept\nip saddr & 0.0.0.3 == 0.0.0.2 accept } }\n"
    )
    out = tmp_path / "out.pcapng"
    done = pcapaudit_command("reduce", OFFICE, "--rules", str(rules), "--anonymize", "--key", "01", "-o", str(out))
    assert done.returncode == 2
    assert "with addresses replaced; nothing was written: the rules look at something besides prefixes" in done.stderr
    assert list(tmp_path.iterdir()) == [rules]


def test_finding_in_payloads_says_so(tmp_path):
    """STUN names the peer in the payload: a substitute of its address does not stand there."""
    out = tmp_path / "out.pcapng"
    words = ("reduce", OFFICE, "--keep", "finding udp-hole-punch", "--anonymize", "-o", str(out))
    for more, why in (((), "it hangs on payloads, try --keep-payload"), (("--keep-payload",), "it hangs on addresses inside of payloads")):
        done = pcapaudit_command(*words, *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"the capture shows no udp-hole-punch, and nothing was written: {why}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((OFFICE,), "nothing to do: say what the capture must still show (--keep), or --anonymize it"),
        (("-", "--anonymize"), "reduce reads the capture more than once"),
        ((OFFICE, "--keep", "frame x"), "--keep 'frame x': expected 'frame N'"),
        ((OFFICE, "--keep", "frame 9999"), "the capture has 244 frames"),
        ((OFFICE, "--keep", "frame 1", "--key", "00"), "--key goes with --anonymize"),
        ((OFFICE, "--anonymize", "--key", "xyz"), "--key xyz: expected 1 to 64 bytes as hexadecimal digits"),
        (("no-such.pcap", "--anonymize"), "no-such.pcap"),
    ],
)
def test_nonsense_is_explained(tmp_path, words, complaint):
    """In a line, with exit code 2, and no file."""
    done = pcapaudit_command("reduce", *words, "-o", str(tmp_path / "out.pcapng"))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_trials_may_run_out(tmp_path):
    """Then the result is said to be larger than it may have to be."""
    out = tmp_path / "out.pcapng"
    done = pcapaudit_command("reduce", OFFICE, "--keep", "finding flow-cut-by-timeout", "--max-trials", "2", "-o", str(out))
    assert done.returncode == 0
    assert "after 2 runs (--max-trials) not every frame was tried alone: fewer may do" in done.stderr
    assert frames_in(out) > 2
