"""What decided, and when two sides mean the same."""

from pcapaudit.regress.deciders import NOBODY, Decider, meanings, program_deciders
from pcapaudit.rules import compile_ruleset, parse_ruleset


def deciders(text, path="a.nft"):
    """Those of a ruleset."""
    return program_deciders(compile_ruleset(parse_ruleset(text, path), ("inside", "outside")))


OLD = """table inet t {
  chain c { type filter hook forward priority 0; policy drop;
    tcp dport 80 accept
    udp dport 53 accept
  }
}"""


def test_rules_come_before_policies():
    """By rule id, then by chain id; 0 of each is nobody."""
    assert deciders(OLD) == [
        NOBODY,
        Decider("a.nft:3", "inet t c", "tcp dport 80 accept"),
        Decider("a.nft:4", "inet t c", "udp dport 53 accept"),
        NOBODY,
        Decider("a.nft:2", "inet t c", "policy drop"),
    ]


def test_moved_rule_means_the_same():
    """Lines and ids do not matter, words and chain do; a changed policy is still the policy."""
    new = OLD.replace("tcp dport 80 accept", "tcp dport 443 accept\n    tcp dport   80 accept").replace("policy drop", "policy accept")
    one, other = meanings(deciders(OLD), deciders(new, "b.nft"))
    assert one[1] == other[2]
    assert one[2] == other[3]
    assert one[4] == other[5]
    assert other[1] not in one


def test_same_words_in_another_chain_mean_something_else():
    """A rule is where it stands, too."""
    one, other = meanings(deciders(OLD), deciders(OLD.replace("chain c", "chain d")))
    assert set(one.tolist()) & set(other.tolist()) == {0}


def test_without_words_places_count():
    """File name and line, without the folder."""
    saved = [NOBODY, Decider("rules/a.nft:3", "inet t c", "")]
    one, other = meanings(saved, deciders(OLD))
    assert (one[1] == other).tolist() == [False, True, False, False, False]
