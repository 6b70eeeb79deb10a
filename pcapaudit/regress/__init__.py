"""Regression: what recorded traffic would have met under other rules, time-outs or settings."""
