"""CSV files say what the batch says."""

from __future__ import annotations

import csv

from sample_run import batch, names

from pcapaudit.report.sinks import as_csv
from pcapaudit.report.sinks.files import PartFile
from pcapaudit.report.sinks.schema import VERDICTS, VIOLATIONS
from pcapaudit.report.sinks.values import verdict_block

#: The rows of the four sample frames.
EXPECTED = """\
1,1,1,1700000000123456789,lan0,wan0,10.1.2.3,40000,192.0.2.255,443,tcp,60,accept,true,,1,"of,fice.nft:11",inet filter forward,,forward,\
new,original,syn_sent,assured|confirmed,1,,120000000000,,,,,
2,1,2,1700000000123457789,wan0,lan0,2001:db8::1,53,2001:db8:0:1::,5353,udp,61,drop,false,policy,,"of,fice.nft:4",inet filter forward,\
"of,fice.nft:12",forward,new,original,,,2,,,,,,l4-checksum|port-zero,
3,1,3,1700000000123458789,lan0,,10.1.2.3,77,8.8.8.8,,icmp,62,drop,true,tcp-seq-over,2,"of,fice.nft:12",inet filter forward,,input,\
invalid,reply,,,,,,5,4294967295,0,,
4,1,4,1700000000123459789,,,,,,,,63,skip,false,not-ip,,,,,,,,,,,,,,,,,
"""


def written(folder, write):
    """The text that ``write`` puts into a file."""
    file = PartFile(folder / "table.csv")
    write(file)
    file.commit()
    return (folder / "table.csv").read_text()


def verdicts(count):
    """Writes the sample batch."""

    def write(file):
        table = as_csv.open_table(VERDICTS, names(), file)
        table.write(verdict_block(*batch(count), place_of_chain=names().place_of_chain))
        table.finish()

    return write


def test_verdict_rows(tmp_path):
    """Every kind of cell, quoted where it must be, empty where there is no value."""
    header, _, rows = written(tmp_path, verdicts(4)).partition("\n")
    assert header == ",".join(column.name for column in VERDICTS.columns)
    assert rows == EXPECTED


def test_rows_over_many_blocks_are_whole(tmp_path):
    """A batch is longer than a block of the formatter."""
    lines = list(csv.reader(written(tmp_path, verdicts(1500)).splitlines()))
    assert {len(line) for line in lines} == {len(VERDICTS.columns)}
    assert [line[0] for line in lines[1:]] == [str(k + 1) for k in range(1500)]


def test_records_are_quoted_and_evidence_is_json(tmp_path):
    """Violations have texts of any kind."""
    record = dict.fromkeys((column.name for column in VIOLATIONS.columns), None)
    record |= {"code": "x", "message": 'says "no", twice', "evidence": {"hosts": [1, 2]}, "count": 3}
    rows = list(csv.DictReader(written(tmp_path, lambda file: as_csv.write_records(VIOLATIONS, [record], file)).splitlines()))
    assert rows[0]["message"] == 'says "no", twice'
    assert rows[0]["evidence"] == '{"hosts": [1, 2]}'
    assert rows[0]["flow"] == ""
