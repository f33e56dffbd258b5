"""Orders for rewards, their codes, the verification at the store, its undo, and the monthly settlement with each store."""
