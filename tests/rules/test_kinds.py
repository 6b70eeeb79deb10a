"""Each kind of ruleset is recognised as itself and as no other; nothing is imported for kinds that are not met."""

import subprocess
import sys

import pytest

from pcapaudit.rules.kinds import looks_like_ipset, looks_like_iptables, looks_like_json, looks_like_policy

TEXTS = {
    "iptables": "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n",
    "ipset": "create bad hash:ip family inet\nadd bad 192.0.2.1\n",
    "json": '{"nftables": []}\n',
    "policy": "[rules]\nx = 1\n",
    "nftables": "table inet t { chain c { ct state new accept; } }\n",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_kinds_are_told_apart(kind):
    """By what is in them."""
    text = TEXTS[kind]
    found = {
        "iptables": looks_like_iptables(text),
        "ipset": looks_like_ipset(text),
        "json": looks_like_json(text),
        "policy": looks_like_policy(text, "rules"),
    }
    assert [name for name, answer in found.items() if answer] == ([] if kind == "nftables" else [kind])


def test_only_the_reader_that_is_needed_is_imported():
    """nftables text needs none of the other three, and conntrack's options need no helper."""
    code = (
        "import sys\nfrom pcapaudit.rules import parse_ruleset\nimport pcapaudit.conntrack.config, pcapaudit.replay.run\n"
        f"parse_ruleset({TEXTS['nftables']!r})\nprint(*sys.modules)"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    kept_out = ("pcapaudit.rules.iptables.", "pcapaudit.rules.nftjson.", "pcapaudit.rules.policy.", "pcapaudit.conntrack.helpers.")
    assert [name for name in imported if name.startswith(kept_out)] == []
