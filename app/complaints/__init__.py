"""Complaints and suggestions of members, and the answers that they get."""
