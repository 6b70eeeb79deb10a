"""Every helper, by number and by name."""

from __future__ import annotations

from collections.abc import Mapping

from pcapaudit.conntrack.helpers.amanda import AMANDA
from pcapaudit.conntrack.helpers.broadcast import NETBIOS_NS, SNMP
from pcapaudit.conntrack.helpers.ftp import FTP
from pcapaudit.conntrack.helpers.h323 import H245, Q931, RAS
from pcapaudit.conntrack.helpers.helper import Helper
from pcapaudit.conntrack.helpers.irc import IRC
from pcapaudit.conntrack.helpers.pptp import PPTP
from pcapaudit.conntrack.helpers.sane import SANE
from pcapaudit.conntrack.helpers.sip import SIP
from pcapaudit.conntrack.helpers.tftp import TFTP

__all__ = ["BY_NAME", "BY_NUMBER", "DEFAULT_PARAMS"]

_ALL = (FTP, TFTP, SIP, IRC, PPTP, AMANDA, NETBIOS_NS, SNMP, SANE, Q931, RAS, H245)

BY_NUMBER: Mapping[int, Helper] = {each.number: each for each in _ALL}
BY_NAME: Mapping[str, Helper] = {each.name: each for each in _ALL}
#: Every setting and its value by default, Linux's module parameter.
DEFAULT_PARAMS: Mapping[str, int] = {name: value for each in _ALL for name, value in each.params}
