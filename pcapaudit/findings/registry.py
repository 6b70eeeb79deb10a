"""All detectors, in the order in which they get to see a batch: the more precise explanation of a packet comes first and claims it."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pcapaudit.findings.asymmetric_capture import AsymmetricCapture
from pcapaudit.findings.checksum_offload import ChecksumOffload
from pcapaudit.findings.connection_flood import ConnectionFlood
from pcapaudit.findings.crew import Crew
from pcapaudit.findings.encrypted_control_channel import EncryptedControlChannel
from pcapaudit.findings.expectation_expired import ExpectationExpired
from pcapaudit.findings.expectation_unused import ExpectationUnused
from pcapaudit.findings.flow_cut_by_timeout import FlowCutByTimeout
from pcapaudit.findings.fragment_overlap import FragmentOverlap
from pcapaudit.findings.ftp_bounce import FtpBounce
from pcapaudit.findings.ftp_private_address_leak import FtpPrivateAddressLeak
from pcapaudit.findings.helper_missing import HelperMissing
from pcapaudit.findings.host_sweep import HostSweep
from pcapaudit.findings.icmp_error_off_path import IcmpErrorOffPath
from pcapaudit.findings.icmp_error_unknown_flow import IcmpErrorUnknownFlow
from pcapaudit.findings.icmp_flood import IcmpFlood
from pcapaudit.findings.incomplete_fragments import IncompleteFragments
from pcapaudit.findings.land import Land
from pcapaudit.findings.martian import Martian
from pcapaudit.findings.mid_stream_pickup import MidStreamPickup
from pcapaudit.findings.offloaded_or_missing_packets import OffloadedOrMissingPackets
from pcapaudit.findings.out_of_order_capture import OutOfOrderCapture
from pcapaudit.findings.packet_after_close import PacketAfterClose
from pcapaudit.findings.pmtud_blocked import PmtudBlocked
from pcapaudit.findings.port_scan import PortScan
from pcapaudit.findings.reflection_amplification import ReflectionAmplification
from pcapaudit.findings.related_from_other_host import RelatedFromOtherHost
from pcapaudit.findings.retransmission_with_different_data import RetransmissionWithDifferentData
from pcapaudit.findings.scene import Scene
from pcapaudit.findings.simultaneous_open import SimultaneousOpen
from pcapaudit.findings.split_handshake import SplitHandshake
from pcapaudit.findings.spoofed_source import SpoofedSource
from pcapaudit.findings.state_table_exhaustion import StateTableExhaustion
from pcapaudit.findings.syn_flood import SynFlood
from pcapaudit.findings.tcp_blind_attack import TcpBlindAttack
from pcapaudit.findings.tcp_hole_punch import TcpHolePunch
from pcapaudit.findings.tcp_invalid_flags import TcpInvalidFlags
from pcapaudit.findings.tcp_out_of_window import TcpOutOfWindow
from pcapaudit.findings.thresholds import THRESHOLDS, Thresholds
from pcapaudit.findings.timeout_too_long import TimeoutTooLong
from pcapaudit.findings.tiny_fragment import TinyFragment
from pcapaudit.findings.udp_flood import UdpFlood
from pcapaudit.findings.udp_hole_punch import UdpHolePunch
from pcapaudit.findings.udp_hole_punch_failed import UdpHolePunchFailed
from pcapaudit.findings.unsolicited_inbound import UnsolicitedInbound
from pcapaudit.findings.unsolicited_reply import UnsolicitedReply
from pcapaudit.findings.violation import Detector, Severity

if TYPE_CHECKING:
    from pcapaudit.replay.consumer import Context

__all__ = ["DETECTORS", "SECTIONS", "Description", "describe", "make_detectors"]

#: Sections of a detector's docstring, in their order.
SECTIONS = ("What it does", "Why it matters", "Example", "Source")

DETECTORS: tuple[type[Detector], ...] = (
    OutOfOrderCapture,
    ChecksumOffload,
    Land,
    Martian,
    SpoofedSource,
    StateTableExhaustion,
    TimeoutTooLong,
    FragmentOverlap,
    TinyFragment,
    IncompleteFragments,
    HelperMissing,
    ExpectationExpired,
    RelatedFromOtherHost,
    EncryptedControlChannel,
    ExpectationUnused,
    FtpBounce,
    FtpPrivateAddressLeak,
    UdpHolePunch,
    UdpHolePunchFailed,
    TcpHolePunch,
    FlowCutByTimeout,
    AsymmetricCapture,
    ReflectionAmplification,
    SynFlood,
    UdpFlood,
    IcmpFlood,
    ConnectionFlood,
    PortScan,
    HostSweep,
    SplitHandshake,
    SimultaneousOpen,
    TcpInvalidFlags,
    RetransmissionWithDifferentData,
    PacketAfterClose,
    TcpBlindAttack,
    OffloadedOrMissingPackets,
    TcpOutOfWindow,
    IcmpErrorUnknownFlow,
    IcmpErrorOffPath,
    PmtudBlocked,
    UnsolicitedReply,
    MidStreamPickup,
    UnsolicitedInbound,
)


@dataclass(frozen=True, slots=True)
class Description:
    """What a detector's docstring says."""

    #: Code of its findings.
    code: str
    #: Severity of its worst finding.
    severity: Severity
    #: One line.
    title: str
    #: Section title → text, every one of SECTIONS.
    sections: dict[str, str]
    #: Threshold → (default, what it counts).
    thresholds: dict[str, tuple[float, str]]


def make_detectors(context: Context, thresholds: Thresholds | None = None) -> Crew:
    """A fresh detector of every kind for one run; ``thresholds`` differ from the defaults."""
    scene = Scene(context, thresholds)
    return Crew(scene, [detector(scene) for detector in DETECTORS])


def describe(detector: type[Detector]) -> Description:
    """Read a detector's docstring: a title, then the sections with their headings."""
    text = inspect.getdoc(detector) or ""
    title, *parts = re.split(rf"^## ({'|'.join(SECTIONS)})$\n", text, flags=re.MULTILINE)
    sections = {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}
    return Description(detector.code, detector.severity, title.strip(), sections, THRESHOLDS.get(detector.code, {}))
