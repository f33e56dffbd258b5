"""双找: people who register, the organisation that takes them in, the contact person they are given."""
