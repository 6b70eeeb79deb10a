"""From options to a run's context: captures opened, ruleset read and compiled, topology and time-outs settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.topology import Topology
from pcapaudit.rules.compile import compile_ruleset
from pcapaudit.rules.load import default_ruleset, load_ruleset

if TYPE_CHECKING:
    from pcapaudit.cli.options import EngineOptions

__all__ = ["open_session"]

_NS = 1_000_000_000


@contextmanager
def open_session(captures: Sequence[str], options: EngineOptions) -> Iterator[Context]:
    """The context of a run; leaving it closes the captures.

    What can be wrong is looked at in the order in which it is cheap to find out. Raises ConfigError, RulesetError, CaptureError.
    """
    topology = Topology.from_options(options.zone, options.local, options.own, options.path)
    conntrack = conntrack_config(options)
    ruleset = load_ruleset(options.rules) if options.rules is not None else default_ruleset()
    program = compile_ruleset(ruleset, topology.interfaces, topology.assumed)
    with open_stream(captures, strict=options.strict, reorder_ns=round(options.reorder_window * _NS)) as stream:
        yield Context(stream, ruleset, program, topology, conntrack, options.checksum, options.mode)


def conntrack_config(options: EngineOptions) -> ConntrackConfig:
    """Linux's defaults, with the time-outs and switches that were given. Raises ConfigError."""
    config = ConntrackConfig(checksum=options.checksum != "ignore")
    for text in options.timeout:
        name, value = _pair(text, "--timeout", "tcp.established=1h")
        config = config.with_timeout(name, value)
    for text in options.sysctl:
        name, value = _pair(text, "--sysctl", "nf_conntrack_tcp_loose=0")
        config = config.with_sysctl(name, value)
    return config


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} {text}: expected NAME=VALUE, for example {option} {example}")
    return name, value
