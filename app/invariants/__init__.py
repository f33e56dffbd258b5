"""The SQL that must always give zero rows, run on one snapshot; and who is told when it does not."""
