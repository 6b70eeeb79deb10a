"""``pcapaudit.audit``: the run, its tables, flows and packets; and what is said of calls that make no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkout import ROOT
from interpreter import python
from office import CAPTURE, RULES, flow_rows, office, packet_rows

import pcapaudit
from pcapaudit.cli.main import run as command

WEB = ROOT / "captures" / "web.pcap"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder that the command writes for the same run."""
    folder = tmp_path_factory.mktemp("run")
    assert command(["audit", CAPTURE, "--rules", RULES, "-q", "-o", str(folder), "--format", "jsonl", "--format", "csv"]) in (0, 1)
    return folder


def test_tables_are_those_of_the_command(written):
    """Row by row; flows in order of first sight."""
    lines = lambda name: [json.loads(line) for line in (written / name).read_text().splitlines()]  # noqa: E731
    assert packet_rows() == lines("verdicts.jsonl")
    assert office().findings.num_rows == len(lines("violations.jsonl"))
    expected = sorted(lines("flows.jsonl"), key=lambda row: row["flow"])
    assert [{**row, "start": None} for row in flow_rows()] == [{**row, "start": None} for row in expected]


def test_summary_is_that_of_the_command(written):
    """The same value as the file."""
    assert office().summary == json.loads((written / "summary.json").read_text())


def test_tables_become_frames_without_a_copy():
    """polars takes the very buffer of a numeric column; pandas keeps it when it is told to keep Arrow types."""
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    column = office().packets.column("frame").chunk(0)
    frame = polars.from_arrow(office().packets)
    assert frame["frame"].to_arrow().buffers()[1].address == column.buffers()[1].address
    kept = office().packets.to_pandas(types_mapper=pandas.ArrowDtype)
    assert kept["frame"].array._pa_array.chunk(0).buffers()[1].address == column.buffers()[1].address


def test_tables_are_made_once():
    """Lazily, and kept."""
    assert office().packets is office().packets
    assert office().flows is office().flows


def test_one_flow():
    """What the README promises."""
    flow = office().flow("192.168.10.20:57524 > 198.51.100.10:80/tcp")
    assert isinstance(flow, pcapaudit.Flow)
    assert (flow.verdict, flow.ct_state, flow.number) == ("accept", "new", 3)
    assert flow.rule.endswith("office.policy.toml:21")
    assert "https" in flow.comment


def test_one_packet():
    """By number, or by what it is."""
    packet = office().packet(3)
    assert isinstance(packet, pcapaudit.Packet)
    assert office().packet("frame 3") == packet
    assert (packet.frame, packet.text) == (3, "192.168.10.20:52554 > 198.51.100.53:53/udp")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.9.9.9 > *", "no flows are meant where one was expected; the run has 53 flows"),
        ("* > *:443/tcp", "2 flows are meant where one was expected"),
    ],
)
def test_not_exactly_one_flow(text, message):
    """The error shows some."""
    with pytest.raises(pcapaudit.SelectorError, match=message) as caught:
        office().flow(text)
    assert "\n    flow " in str(caught.value)


def test_no_such_packet():
    """A frame beyond the end."""
    with pytest.raises(pcapaudit.SelectorError, match="no packets are meant where one was expected; the run has 244 frames"):
        office().packet(9999)


def test_options_as_the_command_has_them():
    """Texts, paths, several of them, mappings."""
    one = pcapaudit.audit(WEB, rules=Path(ROOT / "rulesets" / "default.nft"), local="10.0.0.0/8", timeout={"udp.stream": "5m"}, seed=1)
    two = pcapaudit.audit([str(WEB)], rules=[ROOT / "rulesets" / "default.nft"], local=["10.0.0.0/8"], timeout="udp.stream=5m", seed=2)
    assert one.summary == two.summary
    assert one.summary["assumptions"]["zones"][0]["prefixes"] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"rule": "x"}, TypeError, "no keyword 'rule': 'rules' was meant"),
        ({"mode": "whatif"}, pcapaudit.ConfigError, "mode='whatif': expected one of what-if, observed"),
        ({"rules": "nowhere.nft"}, pcapaudit.RulesetError, "nowhere.nft: cannot read the ruleset"),
        ({"timeout": {"nothing": "1s"}}, pcapaudit.ConfigError, "nothing"),
        ({"select": "no-such-code"}, pcapaudit.ConfigError, "no-such-code"),
    ],
)
def test_options_that_make_no_sense(options, kind, message):
    """As the command says it, without an exit code."""
    with pytest.raises(kind, match=message):
        pcapaudit.audit(WEB, **options)


def test_captures_that_make_no_sense():
    """None, and one that is missing."""
    with pytest.raises(pcapaudit.ConfigError, match="no capture was given"):
        pcapaudit.audit([])
    with pytest.raises(pcapaudit.CaptureError, match="nowhere"):
        pcapaudit.audit("nowhere.pcap")


def test_capture_that_changes_is_noticed(tmp_path):
    """Packets are read when they are asked for."""
    path = tmp_path / "x.pcap"
    path.write_bytes(WEB.read_bytes())
    run = pcapaudit.audit(path)
    path.write_bytes((ROOT / "captures" / "dns.pcap").read_bytes())
    with pytest.raises(pcapaudit.CaptureError, match="It has changed since"):
        run.select_packets("*")


def test_standard_input_has_no_packets_afterwards():
    """It says what to do."""
    code = "import pcapaudit; run = pcapaudit.audit('-'); print(run.summary['capture']['frames']); run.packets"
    done = python("-c", f"import os; os.dup2(os.open({str(WEB)!r}, os.O_RDONLY), 0); {code}")
    assert done.stdout.strip().isdigit()
    assert "write it to a file" in done.stderr


def test_without_pyarrow():
    """Everything but the tables works, and these say what to install."""
    hide = "import sys; sys.modules['pyarrow'] = None; import pcapaudit; "
    done = python("-c", f"{hide} run = pcapaudit.audit({str(WEB)!r}); print(len(run.select_flows('*'))); run.flows")
    assert int(done.stdout) > 0
    assert "pip install 'pcapaudit[parquet]'" in done.stderr


def test_run_says_what_it_is():
    """In a notebook."""
    assert "244 frames, 53 flows" in repr(office())


def test_columns_match_the_files(written):
    """The order of columns, too."""
    header, _, _ = (written / "verdicts.csv").read_text().partition("\n")
    assert office().packets.column_names == header.split(",")
