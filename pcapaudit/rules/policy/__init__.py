"""Reads policy files (``*.policy.toml``): who may talk to whom, in words, for people who do not write nftables."""
