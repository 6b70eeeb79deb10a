"""Reads iptables-save and ip6tables-save files, and ipset save files, into the same model as nftables."""
