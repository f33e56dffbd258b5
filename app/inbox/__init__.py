"""The desk of the staff: what waits for whom and how much of it, and finding a case by words or by its number."""
