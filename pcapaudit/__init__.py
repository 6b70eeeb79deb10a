"""pcapaudit: an offline firewall laboratory.

    import pcapaudit

    run = pcapaudit.audit("office.pcapng", rules="fw.nft")
    assert run.flow("10.0.0.5 > 192.0.2.1:443/tcp").verdict == "accept"
    run.flows.to_pandas()

``docs/library.md`` tells the rest. Importing this is cheap: everything behind the names is imported when it is first used.
``pcapaudit.builds`` says which core runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pcapaudit import builds

if TYPE_CHECKING:
    from pcapaudit.api.library import Run, audit
    from pcapaudit.core.errors import (
        CaptureError,
        ConfigError,
        Diagnostic,
        OutputError,
        PcapauditError,
        RulesetError,
        SelectorError,
    )
    from pcapaudit.replay.views import Flow, Packet

__all__ = [
    "CaptureError",
    "ConfigError",
    "Diagnostic",
    "Flow",
    "OutputError",
    "Packet",
    "PcapauditError",
    "RulesetError",
    "Run",
    "SelectorError",
    "__version__",
    "audit",
]
__version__ = "0.1.0"

#: Module → the public names that it defines.
_MODULES = {
    "pcapaudit.api.library": ("Run", "audit"),
    "pcapaudit.core.errors": (
        "CaptureError",
        "ConfigError",
        "Diagnostic",
        "OutputError",
        "PcapauditError",
        "RulesetError",
        "SelectorError",
    ),
    "pcapaudit.replay.views": ("Flow", "Packet"),
}

builds.choose(os.environ.get("PCAPAUDIT_BUILD", "auto"))


def __getattr__(name: str) -> Any:
    """Import what is asked for the first time."""
    import importlib

    for module, names in _MODULES.items():
        if name in names:
            value = globals()[name] = getattr(importlib.import_module(module), name)
            return value
    raise AttributeError(f"module 'pcapaudit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
