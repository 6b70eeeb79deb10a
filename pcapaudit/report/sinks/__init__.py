"""Where results go: tables of rows as CSV, JSON Lines or Parquet, and ``summary.json``."""
