"""Golden files: small texts that a person has read, compared to the letter. PCAPAUDIT_UPDATE_GOLDENS=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(path: Path, text: str) -> None:
    """Compare with the file, or write it where that was asked for."""
    if os.environ.get("PCAPAUDIT_UPDATE_GOLDENS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} differs; read it, then PCAPAUDIT_UPDATE_GOLDENS=1 pytest"
