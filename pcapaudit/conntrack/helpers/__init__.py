"""Helpers: they read control channels as Linux's conntrack helpers do, and announce the connections that follow. One helper a file."""
