"""Whether this machine can compare with its kernel."""

from __future__ import annotations

from pcapaudit.core.errors import ConfigError
from pcapaudit.kernel.sandbox import Plan, Sandbox

__all__ = ["why_not"]


def why_not():
    """The reason why no sandbox can be made here; empty if one can."""
    try:
        with Sandbox(Plan(("probe0",), "", "forward")):
            return ""
    except ConfigError as error:
        return str(error)
