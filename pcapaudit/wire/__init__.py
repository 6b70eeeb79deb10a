"""Frames to columns: link layers, IPv4 and IPv6, transport headers, checksums. Looks and reports, never judges, never raises."""
