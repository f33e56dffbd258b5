"""Measuring the service as users run it: how fast each operation is, and how it grows with the data. The service never loads this."""
