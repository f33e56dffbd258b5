"""The ledger of points: rules, awards with their caps, lots, balances, adjustments, claw-backs, statements, publicity lists."""
