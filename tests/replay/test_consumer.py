"""The values that the parts above the engine share."""

from __future__ import annotations

import dataclasses

import pytest

from pcapaudit.replay.consumer import Consumer, Context


def test_context_is_a_value_with_linux_defaults():
    """Checksums are told from offloaded ones and packets are judged as Linux would, unless somebody says otherwise."""
    context = Context(*"abcde")
    assert (context.stream, context.ruleset, context.program, context.topology, context.conntrack) == tuple("abcde")
    assert (context.checksum, context.mode) == ("auto", "what-if")
    with pytest.raises(dataclasses.FrozenInstanceError):
        context.mode = "observed"
    assert not hasattr(context, "__dict__")


def test_consumer_names_what_the_run_calls():
    """Counts, detectors and files have these three methods."""
    assert {name for name in vars(Consumer) if name.startswith("on_")} == {"on_batch", "on_flows", "on_end"}
