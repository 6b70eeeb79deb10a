"""Where a batch ends is nobody's business: the findings of every capture are the same in batches of a few frames."""

from __future__ import annotations

from dataclasses import replace

import pytest
from capture_frames import CAPTURES
from split_stream import SplitStream

from pcapaudit.api.options import EngineOptions
from pcapaudit.api.session import open_session
from pcapaudit.findings.registry import make_detectors
from pcapaudit.replay.run import run


def found(path, rows=None):
    """The findings in a capture, with at most ``rows`` frames a batch."""
    with open_session([str(path)], EngineOptions(seed=1)) as opened:
        context = opened if rows is None else replace(opened, stream=SplitStream(opened.stream, rows))
        detectors = make_detectors(context)
        run(context, [detectors], seed=1)
        return detectors.violations()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_splitting_changes_nothing(path):
    """Message, numbers, evidence."""
    whole = found(path)
    assert found(path, 1) == whole
    assert found(path, 7) == whole
