"""Tells rulesets of different kinds apart by what is in them, so that only the reader of the right kind need be imported."""

from __future__ import annotations

import re

__all__ = ["looks_like_ipset", "looks_like_iptables", "looks_like_json", "looks_like_policy"]

_IPSET = re.compile(r"^\s*create\s+\S+\s+(?:hash|bitmap|list):", re.MULTILINE)
_IPTABLES_SECTION = re.compile(r"^\s*\*(filter|nat|mangle|raw|security|broute)\s*$", re.MULTILINE)
_IPTABLES_RULE = re.compile(r"^\s*(?:\[\d+:\d+\]\s+)?(?:-[AINP]|--(?:append|insert|policy))\s+\S+", re.MULTILINE)
_POLICY_SECTION = re.compile(r"(?m)^[ \t]*\[(zones\b|services\]|rules\]|firewall\])")


def looks_like_ipset(text: str) -> bool:
    """Whether a text is ipset save's."""
    return _IPSET.search(text) is not None


def looks_like_iptables(text: str) -> bool:
    """Whether a text is iptables-save's and not nftables'."""
    return _IPTABLES_SECTION.search(text) is not None or (_IPTABLES_RULE.search(text) is not None and "{" not in text.split("\n-", 1)[0])


def looks_like_json(text: str) -> bool:
    """Whether it is JSON; no other ruleset begins with a brace."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def looks_like_policy(text: str, path: str) -> bool:
    """Whether it is one, by its name or by its tables. nftables and iptables files never begin a line so."""
    return path.endswith(".toml") or _POLICY_SECTION.search(text) is not None
