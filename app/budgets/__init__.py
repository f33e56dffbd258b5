"""What the points cost: issued, held, captured, what will lapse, and what the stores are owed. Sums, never persons."""
