"""From options to a run's context: captures opened, ruleset read and compiled, topology and time-outs settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from pcapaudit.capture.stream import open_stream
from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.profile import PROFILES, Profile, parse_profile
from pcapaudit.core.errors import ConfigError
from pcapaudit.replay.consumer import Context
from pcapaudit.replay.inference import FRAMES, Inferred, Sightings, has_nat, infer, link_of, matters, placed
from pcapaudit.replay.routing import program_for
from pcapaudit.replay.topology import Topology
from pcapaudit.replay.topology_file import read_topology
from pcapaudit.rules import load_ruleset, parse_ruleset
from pcapaudit.rules.load import load_zones

if TYPE_CHECKING:
    from pcapaudit.api.options import EngineOptions
    from pcapaudit.capture.stream import Stream
    from pcapaudit.rules.model import Ruleset

__all__ = ["DEFAULT_RULES", "conntrack_config", "load_profile", "open_session", "open_sessions", "ruleset_of", "topology_of"]

#: What reports call the built-in ruleset: where it stands in the repository.
DEFAULT_RULES = "rulesets/default.nft"

_NS = 1_000_000_000
_SIDE_UNKNOWN = (
    "nat chains: on which side of the firewall this was captured, nobody said and the first frames do not tell; "
    "a connection's first packet is taken as it comes in (--captured ZONE says that it is seen going out by that zone)"
)


@contextmanager
def open_session(captures: Sequence[str], options: EngineOptions, *, covered: bool = False) -> Iterator[Context]:
    """The context of a run; leaving it closes the captures. A ``covered`` run logs what its packets reach in the ruleset (``reached``).

    What can be wrong is looked at in the order in which it is cheap to find out. Raises ConfigError, RulesetError, CaptureError.
    """
    with open_sessions(captures, options, [options], covered=covered) as (_, (context,)):
        yield context


@contextmanager
def open_sessions(
    captures: Sequence[str], reading: EngineOptions, sides: Sequence[EngineOptions], *, covered: bool = False
) -> Iterator[tuple[Stream, list[Context]]]:
    """A stream read by the options ``reading``, and a context on it for each of ``sides``; all judge the same packets.

    Raises as ``open_session`` does.
    """
    asked = [_asked(options) for options in sides]
    with open_stream(captures, strict=reading.strict, reorder_ns=round(reading.reorder_window * _NS)) as stream:
        seen = None
        pairs = list(zip(sides, asked, strict=True))
        if any(each.infer == "auto" and (_wants_place(each, rules) or _wants_link(rules, where)) for each, (rules, where, _) in pairs):
            seen = _look(stream)
        contexts = []
        for options, (ruleset, topology, conntrack) in pairs:
            where = _where(options, ruleset, topology, stream, seen if options.infer == "auto" else None)
            program = program_for(ruleset, where, covered=covered)
            if program.nat_l3 and not where.captured:
                program.notes.append(_SIDE_UNKNOWN)
            contexts.append(Context(stream, ruleset, program, where, conntrack, reading.checksum, reading.mode))
        yield stream, contexts


def _asked(options: EngineOptions) -> tuple[Ruleset, Topology, ConntrackConfig]:
    """What the options say of the firewall."""
    topology = topology_of(options)
    conntrack = conntrack_config(options)
    return ruleset_of(options, topology), topology, conntrack


def _where(options: EngineOptions, ruleset: Ruleset, topology: Topology, stream: Stream, seen: Sightings | None) -> Topology:
    """The topology with what the first frames tell, if they were asked."""
    if _wants_place(options, ruleset):
        told = infer(seen, stream.interfaces) if seen else Inferred("", (), "--infer none: not looked for")
        return placed(topology, told)
    if seen and _wants_link(ruleset, topology):
        zone, evidence = link_of(seen, topology)
        return replace(topology, captured=zone, captured_evidence=evidence)
    return topology


def _wants_link(ruleset: Ruleset, topology: Topology) -> bool:
    """Whether it matters on which side of NAT the capture was made, and nobody said."""
    return not (topology.captured or topology.assumed) and has_nat(ruleset)


def _wants_place(options: EngineOptions, ruleset: Ruleset) -> bool:
    """Whether verdicts hang on which addresses are the firewall's own, and nobody said."""
    said = options.topology or options.zone or options.own or options.path != "auto"
    return bool(options.rules) and not said and matters(ruleset) and not load_zones(*options.rules)[0]


def _look(stream: Stream) -> Sightings:
    """The first frames."""
    from pcapaudit.wire.decode import Decoder

    seen = Sightings.empty()
    for batch, rows in stream.look_ahead(FRAMES):
        Decoder(batch).decode()
        seen.add(batch, rows)
    return seen


def topology_of(options: EngineOptions) -> Topology:
    """The topology of the file or of the options; without either, the zones of a policy file. Raises ConfigError."""
    path = options.topology
    if path is None:
        zones, own = load_zones(*options.rules) if not (options.zone or options.local) else ((), ())
        topology = Topology.from_options(options.zone or zones, options.local, options.own or own, options.path)
        return replace(topology, ct_zone=options.ct_zone, captured=_captured(options, topology))
    beside = [name for name, given in (("--zone", options.zone), ("--local", options.local), ("--own", options.own)) if given]
    if beside:
        raise ConfigError(f"--topology {path}: the file says what {' and '.join(beside)} would: write it there, or leave the file away")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--topology {path}: cannot be read: {error.strerror}; expected a TOML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"--topology {path}: byte {error.start} is not UTF-8 text; expected a TOML file") from None
    topology = read_topology(text, path)
    topology = replace(topology, captured=_captured(options, topology) or topology.captured)
    if options.ct_zone != "none":
        topology = replace(topology, ct_zone=options.ct_zone)
    return topology if options.path == "auto" else replace(topology, path=options.path)


def _captured(options: EngineOptions, topology: Topology) -> str:
    """The zone on whose link the capture was made, if it was said. Raises ConfigError for a name that no zone has."""
    names = [zone.name for zone in topology.zones]
    if options.captured and options.captured not in names:
        raise ConfigError(f"--captured {options.captured}: no zone is called so; expected one of {', '.join(names)}")
    return options.captured


def ruleset_of(options: EngineOptions, topology: Topology) -> Ruleset:
    """The ruleset that was given, or the built-in one. Raises RulesetError.

    The built-in ruleset speaks of the interface "inside"; where zones were given, it means those of the zones inside.
    """
    if options.rules:
        return load_ruleset(*options.rules, undecidable=options.unsupported == "undecidable")
    text = resources.files("pcapaudit.rules").joinpath("default.nft").read_text(encoding="utf-8")
    if not topology.assumed:
        inside = ", ".join(dict.fromkeys(f'"{zone.iface}"' for zone in topology.zones if zone.inside))
        if not inside:
            raise ConfigError(
                "no zone is inside, and the built-in ruleset lets nothing else open connections: "
                "name one inside or lan, or give --local CIDR or --rules FILE; in a topology file, say inside = true"
            )
        text = text.replace('iifname "inside"', f"iifname {{ {inside} }}")
    return parse_ruleset(text, DEFAULT_RULES)


def conntrack_config(options: EngineOptions) -> ConntrackConfig:
    """The profile's time-outs and switches; over them the sysctl file's, over these the single ones. Raises ConfigError."""
    config = ConntrackConfig(checksum=options.checksum != "ignore")
    if options.kernel is not None:
        config = config.with_kernel(options.kernel)
    if options.profile != "linux":
        config = config.with_profile(load_profile(options.profile))
    if options.sysctl_file is not None:
        config = config.with_sysctls(_read_text(options.sysctl_file, "--sysctl-file"), options.sysctl_file)
    for text in options.timeout:
        name, value = _pair(text, "--timeout", "tcp.established=1h")
        config = config.with_timeout(name, value)
    for text in options.sysctl:
        name, value = _pair(text, "--sysctl", "nf_conntrack_tcp_loose=0")
        config = config.with_sysctl(name, value)
    for text in options.helper:
        config = config.with_helper(text)
    for text in options.helper_param:
        config = config.with_helper_param(text)
    return config.with_switch("helper", 1) if options.helpers == "auto" else config


def load_profile(name: str) -> Profile:
    """A profile of the package. Raises ConfigError that names them all."""
    if name not in PROFILES:
        listed = "\n".join(f"  {each:20} {_title(each)}" for each in PROFILES)
        raise ConfigError(f"--profile {name}: expected one of\n{listed}")
    text = resources.files("pcapaudit.conntrack").joinpath(f"profiles/{name}.toml").read_text(encoding="utf-8")
    return parse_profile(name, text)


def _title(name: str) -> str:
    return "Linux nf_conntrack, the engine's own defaults" if name == "linux" else load_profile(name).title


def _read_text(path: str, option: str) -> str:
    """A text file that an option names. Raises ConfigError."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{option} {path}: cannot read it: {reason}") from None


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    """The two sides of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigError(f"{option} {text}: expected NAME=VALUE, for example {option} {example}")
    return name, value
