"""Profiles: the timers and switches of other stateful filters, as data.

A profile is a TOML text (``profiles/NAME.toml``) with a title, a summary, ``[timeouts]`` and ``[switches]`` (each number with its source)
and ``[[cannot]]``: what this engine cannot express of that filter. A timer that the profile does not name keeps Linux's value, which is
said wherever a profile is shown. The state machine stays Linux's: a profile changes numbers and switches, not behaviour.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pcapaudit.core.errors import ConfigError

__all__ = ["PROFILES", "Profile", "Setting", "parse_profile"]

#: Names of the profiles that come with the package; ``linux`` is the engine's own defaults and has no file.
PROFILES = (
    "linux",
    "textbook",
    "checkpoint",
    "cisco-asa",
    "openbsd-pf",
    "ovs",
    "palo-alto",
    "fortigate",
    "aws-security-group",
    "azure",
    "rfc",
)
_TOP_KEYS = {"title", "summary", "timeouts", "switches", "cannot"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of a profile."""

    #: Timer (``tcp.established``) or switch (``tcp_loose``).
    name: str
    #: Seconds of a timer, or the switch's value.
    value: int
    #: Where the number comes from.
    source: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A filter's numbers."""

    #: Name by which ``--profile`` chooses it.
    name: str
    #: One line for lists.
    title: str
    #: What the numbers are.
    summary: str
    #: Timers, in seconds.
    timeouts: tuple[Setting, ...]
    #: Switches, named as Linux's sysctls without ``nf_conntrack_``.
    switches: tuple[Setting, ...]
    #: What of that filter this engine cannot express.
    cannot: tuple[str, ...]


def parse_profile(name: str, text: str) -> Profile:
    """Read the text of a profile. Raises ConfigError that names the profile, the key and what was expected."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"profile {name}: {error}; expected TOML") from None
    unknown = sorted(set(data) - _TOP_KEYS)
    if unknown:
        raise ConfigError(f"profile {name}: unknown key {unknown[0]!r}; expected {', '.join(sorted(_TOP_KEYS))}")
    for key in ("title", "summary"):
        if not isinstance(data.get(key), str):
            raise ConfigError(f"profile {name}: {key} is missing; expected a line of text")
    return Profile(
        name=name,
        title=data["title"],
        summary=data["summary"],
        timeouts=_settings(name, "timeouts", data.get("timeouts", {}), "seconds"),
        switches=_settings(name, "switches", data.get("switches", {}), "value"),
        cannot=tuple(_what(name, each) for each in data.get("cannot", [])),
    )


def _settings(profile: str, section: str, table: Mapping[str, Any], number: str) -> tuple[Setting, ...]:
    settings = []
    for key, entry in table.items():
        expected = f'expected {key} = {{ {number} = N, source = "..." }}'
        if not isinstance(entry, dict) or set(entry) != {number, "source"}:
            raise ConfigError(f"profile {profile}: [{section}] {key}: {expected}")
        if not isinstance(entry[number], int) or entry[number] < 0 or not entry["source"]:
            raise ConfigError(f"profile {profile}: [{section}] {key}: {expected}, a whole number and a source")
        settings.append(Setting(key, entry[number], entry["source"]))
    return tuple(settings)


def _what(profile: str, entry: Any) -> str:
    if not isinstance(entry, dict) or set(entry) != {"what"}:
        raise ConfigError(f'profile {profile}: [[cannot]]: expected what = "..."')
    return str(entry["what"])
