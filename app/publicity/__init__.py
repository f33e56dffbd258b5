"""Lists that name people with their consent, ordered by anything but points: a quarter's publicity list, a year's shortlist."""
