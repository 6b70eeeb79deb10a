"""pcapaudit: an offline firewall laboratory. ``pcapaudit.builds`` says which core runs."""

from __future__ import annotations

import os

from pcapaudit import builds

__all__ = ["__version__"]
__version__ = "0.1.0"

builds.choose(os.environ.get("PCAPAUDIT_BUILD", "auto"))
