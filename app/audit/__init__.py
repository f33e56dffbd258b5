"""The audit trail: one append-only event for every important act, written in the transaction of the act itself."""
