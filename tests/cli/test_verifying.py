"""What a report looks like."""

from __future__ import annotations

from collections import Counter

from pcapaudit.cli.verifying import report_lines, report_record
from pcapaudit.kernel.verify import Difference, Report, Side

ENGINE = Side("established", "reply", "accept", "established", ("seen_reply", "confirmed"), 300.0)
KERNEL = Side("invalid", "", "drop", None, None, None)
REPORT = Report(
    frames=9,
    compared=7,
    different=2,
    differences=[Difference(4, ("ct-state", "verdict"), ENGINE, KERNEL)],
    by_field=Counter({"ct-state": 2, "verdict": 1}),
    skipped=Counter({"no-ip": 2}),
    behind_gap=1,
    gap_frames=[9],
)


def test_report_for_people():
    """Both sides of each packet that is shown, then the sums."""
    assert report_lines(REPORT, "6.12.1") == [
        "frame 4: ct-state, verdict",
        "  engine  established reply accept established seen_reply+confirmed 300 s",
        "  kernel  invalid drop no entry",
        "... and 1 more packets that differ (--max-shown)",
        "9 frames, 7 packets compared with Linux 6.12.1: 2 differ (ct-state 2, verdict 1)",
        "not compared: 2 no IP packet",
        "behind a gap: 1 frames, on which a time-out tells that was not waited for: 9; "
        "they were compared as if no time had passed. --realtime waits",
    ]


def test_report_for_programs():
    """Everything, with a version."""
    record = report_record(REPORT, "6.12.1")
    assert (record["version"], record["kernel"], record["different"]) == (1, "6.12.1", 2)
    assert record["differences"][0]["kernel"]["ct_state"] == "invalid"
    assert record["behind_gap"] == {"count": 1, "first_frames": [9]}
