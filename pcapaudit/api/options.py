"""What a run can be told: one dataclass a group, shared by the commands and the library. Nothing heavy is imported here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EngineOptions", "FindingOptions"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How captures are read and replayed."""

    #: Ruleset files, read as one ruleset in this order; empty for the built-in one.
    rules: tuple[str, ...] = ()
    #: ``refuse`` a ruleset with something that is not understood, or take it as ``undecidable``.
    unsupported: str = "refuse"
    #: Networks inside the firewall (CIDR).
    local: tuple[str, ...] = ()
    #: NAME=IFACE:CIDR texts.
    zone: tuple[str, ...] = ()
    #: Addresses of the firewall itself.
    own: tuple[str, ...] = ()
    #: ``auto``, ``forward``, ``input`` or ``output``.
    path: str = "auto"
    #: Name of a profile: whose time-outs and switches hold.
    profile: str = "linux"
    #: Linux version whose behaviour is asked for; None for the newest known.
    kernel: str | None = None
    #: File with the output of ``sysctl -a`` on the real firewall.
    sysctl_file: str | None = None
    #: NAME=DURATION texts.
    timeout: tuple[str, ...] = ()
    #: NAME=VALUE texts.
    sysctl: tuple[str, ...] = ()
    #: ``auto``, ``verify`` or ``ignore``.
    checksum: str = "auto"
    #: ``what-if`` or ``observed``.
    mode: str = "what-if"
    #: Key of the connection table's hash; None for a random one.
    seed: int | None = None
    #: Seconds within which frames are sorted by time.
    reorder_window: float = 0.0
    #: Whether what is odd about a file ends the run.
    strict: bool = False
    #: Topology file, in place of local, zone and own; or None.
    topology: str | None = None
    #: ``auto``: where no topology is given, the first frames tell where the capture was made; ``none``: they are not asked.
    infer: str = "auto"
    #: Name of the zone on whose link the capture was made; empty if nobody says.
    captured: str = ""
    #: NAME or NAME=PORT,… texts: helpers assigned by port.
    helper: tuple[str, ...] = ()
    #: What numbers conntrack zones: ``none``, ``vlan``, ``outer-vlan`` or ``interface``.
    ct_zone: str = "none"
    #: ``rules``, or ``auto``: by port, as before Linux 6.0.
    helpers: str = "rules"
    #: NAME=VALUE texts: settings of helpers.
    helper_param: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingOptions:
    """Which findings are reported."""

    #: CODE[,CODE...] texts that take the place of the file's ``select``; empty for the file's.
    select: tuple[str, ...] = ()
    #: CODE[,CODE...] texts that are ignored, too.
    ignore: tuple[str, ...] = ()
    #: Configuration file; None for the one beside the working directory.
    config: str | None = None
