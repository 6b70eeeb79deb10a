"""Results in the forms that CI servers and editors read. One form a file; all are made from the same values (``notice.py``)."""
