"""Short messages to numbers that no account reads yet: invitations, and the news that a role waits. One at most, and nothing personal."""
