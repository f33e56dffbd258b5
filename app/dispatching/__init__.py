"""Whom to name for a case: suggested workers, and the rehearsal of a changed routing rule over past cases."""
