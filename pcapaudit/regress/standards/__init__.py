"""What RFCs ask of firewalls and NATs, and whether a ruleset does it: asked of its settings, of made-up packets and of a capture."""
