"""The State Council's calendar: which days are working days, and deadlines counted in working time."""
