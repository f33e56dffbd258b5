"""A county of any size for measuring: members, reports with all that leads to their states, and points, copied in as if it had happened."""
