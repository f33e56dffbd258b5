"""Figures, facets and the map of reports: summaries of the event log, exact at any moment."""
