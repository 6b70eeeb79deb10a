"""``python -m pcapaudit``."""

from pcapaudit.cli.main import main

main()
