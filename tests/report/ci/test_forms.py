"""The forms by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_notices import AT_RULE, nothing, report

from pcapaudit.cli.options import REPORT_FORMS
from pcapaudit.report.ci.forms import FORMS, render


def test_every_form_is_offered():
    """The command line names them without importing them."""
    assert tuple(FORMS) == REPORT_FORMS


@pytest.mark.parametrize("form", FORMS)
def test_report_ends_with_a_line(form):
    """Found or not; only forms of one line a result may be empty."""
    assert render(form, report()).endswith("\n")
    empty = render(form, nothing())
    assert empty.endswith("\n") or (empty == "" and form in ("json-lines", "github", "azure", "pylint"))


@pytest.mark.parametrize("form", FORMS)
@given(st.text(max_size=30), st.text(max_size=10))
def test_property_any_text_is_rendered(form, message, path):
    """Names of files and words of rules are a stranger's: lines stay lines."""
    made = render(form, report(replace(AT_RULE, message=message, path=path)))
    if form in ("concise", "json-lines", "github", "azure", "pylint"):
        assert len(made.split("\n")) == len(render(form, report(AT_RULE)).split("\n"))
