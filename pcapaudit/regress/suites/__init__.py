"""Suites: captures, rules, and what is expected of them, in files ``*.audit.yaml``."""
