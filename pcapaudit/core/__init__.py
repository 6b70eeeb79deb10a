"""Core: the vocabulary that all parts share. Imports nothing of the package."""
