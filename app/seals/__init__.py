"""History sealed behind the scenes into a chain of hashes, its head kept where the database cannot reach; and the proof of it."""
