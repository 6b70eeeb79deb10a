"""Reads what ``nft -j list ruleset`` prints (the schema of libnftables-json(5)), by way of the text that nft would print for it."""
