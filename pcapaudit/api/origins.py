"""Where the value of each timer and switch comes from: a profile, a sysctl file, an option. What nobody set is Linux's default."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.api.session import load_profile
from pcapaudit.conntrack.config import SYSCTL_OF

if TYPE_CHECKING:
    from pcapaudit.api.options import EngineOptions

__all__ = ["origins_of"]

_TIMER_OF = {sysctl: timer for timer, sysctl in SYSCTL_OF.items() if sysctl}


def origins_of(options: EngineOptions) -> dict[str, str]:
    """Timer or switch → where its value was set; later ones win, as in ``conntrack_config``, which has checked all of this."""
    found: dict[str, str] = {}
    if options.profile != "linux":
        profile = load_profile(options.profile)
        found |= {each.name: f"profile {options.profile}: {each.source}" for each in (*profile.timeouts, *profile.switches)}
    if options.sysctl_file is not None:
        found |= dict(_of_file(options.sysctl_file))
    found |= {text.partition("=")[0]: f"--timeout {text}" for text in options.timeout}
    return found | {_name(text.partition("=")[0]): f"--sysctl {text}" for text in options.sysctl}


def _of_file(path: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        name, equals, _ = line.partition("=")
        if equals:
            yield _name(name), f"{path}:{number}"


def _name(sysctl: str) -> str:
    """Our name of a sysctl, however much of its path is written."""
    short = sysctl.strip().replace("/", ".").rpartition(".")[2]
    full = short if short.startswith(("nf_conntrack_", "ipfrag_")) else f"nf_conntrack_{short}"
    return _TIMER_OF.get(full) or full.removeprefix("nf_conntrack_")
