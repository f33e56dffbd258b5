"""Members: a person's profile, the texts they agree to and what they agreed, whom they work for; masks and aliases for everyone else."""
