"""The ledger of points: entries, lots, balances, levels; rules, caps and conditions as data; changes and awards by two persons."""
