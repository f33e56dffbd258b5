"""Answers remembered under the caller's Idempotency-Key, in the same transaction as the effect they report."""
