"""Changing the key of what is sealed or indexed, while the service serves."""
