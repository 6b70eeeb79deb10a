"""A finding names the flow that announced its own."""

import numpy as np
import pytest
from control_channels import ftp_session
from scenes import INSIDE_OUT, context_for, tcp

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.replaying import replay
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.findings.parents import MAX_CHILDREN, Parents
from pcapaudit.findings.selection import Selection
from pcapaudit.findings.violation import Severity, Violation
from pcapaudit.report.summary import violation_records

FTP = ConntrackConfig().with_helper("ftp")
DATA = tcp("192.0.2.1:20", "10.0.0.1:5001", "S")


def violation(flow, parent=0):
    """A finding about a flow."""
    return Violation("land", Severity.LOW, flow, 1, 1, 1, "", parent=parent)


def ended(*pairs):
    """Ended flows, (flow, parent)."""
    return np.array(list(pairs), [("flow", "u4"), ("parent", "u4")])


def test_the_announced_are_remembered():
    """A flow without parent is not touched, nor a finding that names one itself."""
    parents = Parents()
    parents.on_flows(ended((7, 3), (8, 0), (9, 4)))
    named = parents.named([violation(7), violation(8), violation(9, 5), violation(0)])
    assert [each.parent for each in named] == [3, 0, 5, 0]


def test_the_oldest_make_room():
    """As many as there is room for."""
    parents = Parents()
    parents.on_flows(ended(*((number, 1) for number in range(2, MAX_CHILDREN + 3))))
    assert [each.parent for each in parents.named([violation(2), violation(3)])] == [0, 1]


def records(packets, config=FTP, rules=INSIDE_OUT):
    """The rows of the violations table, by code."""
    context = context_for(packets, rules, config=config)
    results = replay(context, EngineOptions(("r",), seed=1), Selection())
    return {each["code"]: each for each in violation_records(results.violations, context)}


@pytest.mark.parametrize(
    ("packets", "config", "code"),
    [
        ([*ftp_session("PORT 10,0,0,1,19,137\r\n"), (9, DATA)], ConntrackConfig(), "helper-missing"),
        ([*ftp_session("PORT 10,0,0,1,19,137\r\n"), (400, DATA)], FTP, "expectation-expired"),
        ([*ftp_session("PORT 10,0,0,1,19,137\r\n"), (9, tcp("192.0.2.9:20", "10.0.0.1:5001", "S"))], FTP, "related-from-other-host"),
    ],
)
def test_row_names_the_control_channel(packets, config, code):
    """Where the connection was announced, heard or not."""
    row = records(packets, config)[code]
    assert (row["parent"], row["flow"]) == (1, 2)


def test_row_of_a_data_connection_with_trouble_of_its_own():
    """A finding that knows nothing of helpers names the parent all the same: data outside the window on a data connection."""
    port, server = "10.0.0.1:5001", "192.0.2.1:20"
    data = [
        (9, tcp(server, port, "S", 100)),
        (9.1, tcp(port, server, "S.", 500, 101)),
        (9.2, tcp(server, port, ".", 101, 501)),
        (9.3, tcp(server, port, "P.", 101 + (1 << 24), 501, data=100)),
    ]
    row = records([*ftp_session("PORT 10,0,0,1,19,137\r\n"), *data])["tcp-out-of-window"]
    assert (row["parent"], row["flow"]) == (1, 2)


def test_row_without_parent():
    """Most have none."""
    assert records([(0, tcp("192.0.2.1:20", "10.0.0.1:5001", "S"))])["unsolicited-inbound"]["parent"] is None
