"""What looks like a ring of clerk, member and reviewer: told to people with its reasons, never a penalty."""
