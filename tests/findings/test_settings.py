"""The configuration file of findings: every key, and every way to get one wrong."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network

import pytest

from pcapaudit.core.errors import ConfigError
from pcapaudit.findings.registry import DETECTORS
from pcapaudit.findings.settings import read_settings

CODES = [each.code for each in DETECTORS]
WHOLE = """[findings]
select = ["ALL"]
ignore = ["mid-stream-pickup", "tcp"]

[findings.thresholds.port-scan]
ports = 30
share = 0.5

[[findings.suppress]]
code = "unsolicited-inbound"
address = "203.0.113.7/24"
reason = "our own scanner"
expires = 2026-12-31

[[findings.suppress]]
code = "land"
reason = "known"
expires = 2026-01-01
"""


def test_every_key():
    """Values arrive, suppressions with the line where they stand."""
    got = read_settings(WHOLE, "pcapaudit.toml", CODES)
    assert (got.select, got.ignore) == (("ALL",), ("mid-stream-pickup", "tcp"))
    assert got.thresholds == {("port-scan", "ports"): 30.0, ("port-scan", "share"): 0.5}
    first, second = got.suppressions
    assert (first.code, first.reason, first.expires) == ("unsolicited-inbound", "our own scanner", date(2026, 12, 31))
    assert (first.address, first.where, second.where) == (ip_network("203.0.113.0/24"), "pcapaudit.toml:9", "pcapaudit.toml:15")
    assert second.address is None


def test_pyproject():
    """There the tables stand under [tool.pcapaudit]; other tools are none of our business."""
    text = "[tool.other]\nkey = 1\n" + WHOLE.replace("[findings", "[tool.pcapaudit.findings")
    assert read_settings(text, "a/pyproject.toml", CODES).ignore == ("mid-stream-pickup", "tcp")
    assert read_settings("[tool.other]\nkey = 1\n", "pyproject.toml", CODES) is None
    assert read_settings("[tool.pcapaudit]\ncompiled = []\n", "pyproject.toml", CODES) is None


SUPPRESS = '[[findings.suppress]]\ncode = "land"\nreason = "known"\nexpires = 2026-01-01\n'
WRONG = {
    "no TOML": ("[findings\n", "c.toml: not a TOML file: "),
    "a table beside": ("a = 1\n[findngs]\n", "c.toml:1: unknown key a; possible are findings"),
    "a table misspelt": ("[findngs]\n", "c.toml:1: unknown key findngs; did you mean findings?"),
    "a key": ("[findings]\n\nselct = []\n", "c.toml:3: unknown key selct; did you mean select?"),
    "no table": ("findings = 3\n", "c.toml:1: findings: 3 is not a table; expected keys and values below a header"),
    "no list": ('[findings]\nselect = "tcp"\n', "c.toml:2: select = 'tcp'; expected a list of codes in quotes, such as"),
    "no code": ('[findings]\nignore = ["lnd"]\n', "c.toml:2: ignore: lnd is no code and no beginning of one; did you mean land?"),
    "an empty code": ('[findings]\nignore = [""]\n', "c.toml:2: ignore: nothing is no code"),
    "a threshold's code": ("[findings.thresholds.port-scn]\n", "c.toml:1: unknown key port-scn; did you mean port-scan?"),
    "a threshold": ("[findings.thresholds.port-scan]\nport = 3\n", "c.toml:2: unknown key port; did you mean ports?"),
    "a dotted threshold": ("[findings]\nthresholds.port-scan.port = 3\n", "c.toml:2: unknown key port; did you mean ports?"),
    "a threshold's value": ("[findings.thresholds.port-scan]\nports = '3'\n", "c.toml:2: port-scan: ports = '3'; expected a number of at"),
    "a share": ("[findings.thresholds.port-scan]\nshare = 2\n", "c.toml:2: port-scan: share = 2; expected a share between 0 and 1: "),
    "truth as a number": ("[findings.thresholds.port-scan]\nports = true\n", "c.toml:2: port-scan: ports = True; expected a number"),
    "not a number": ("[findings.thresholds.port-scan]\nports = nan\n", "c.toml:2: port-scan: ports = nan; expected a number"),
    "one suppression": ("[findings.suppress]\ncode = 'land'\n", "c.toml:1: suppress: expected [[findings.suppress]] with its keys below"),
    "without a reason": (SUPPRESS.replace('reason = "known"\n', ""), "c.toml:1: a suppression without reason; expected why it is"),
    "without a day": (SUPPRESS.replace("expires = 2026-01-01\n", ""), "c.toml:1: a suppression without expires; expected a day such as"),
    "an empty reason": (SUPPRESS.replace("known", "  "), "c.toml:3: reason = '  '; expected a text that says why these findings are"),
    "a day in quotes": (SUPPRESS.replace("2026-01-01", "'2026-01-01'"), "c.toml:4: expires = '2026-01-01'; expected a day without quotes"),
    "a time": (SUPPRESS.replace("2026-01-01", "2026-01-01T00:00:00"), "c.toml:4: expires = datetime.datetime(2026, 1, 1, 0, 0); expected"),
    "of the second": (SUPPRESS + SUPPRESS.replace("land", "lnd"), "c.toml:6: code: lnd is no code and no beginning of one"),
    "an address": (SUPPRESS + "address = '1.2.3'\n", "c.toml:5: address = '1.2.3'; expected an address or a network in quotes"),
    "a key of a suppression": (SUPPRESS + "until = 3\n", "c.toml:5: unknown key until; possible are code, address, reason, expires"),
    "no suppression": ("[findings]\nsuppress = [1]\n", "c.toml:2: 0: 1 is not a table"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_wrong(text, message):
    """File, line, what was found, what was expected."""
    with pytest.raises(ConfigError) as caught:
        read_settings(text, "c.toml", CODES)
    assert str(caught.value).startswith(message)
