"""The SQL that must always give zero rows, run on one snapshot; where redemption stops when it does not, and who is told."""
