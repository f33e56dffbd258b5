"""The report loop: categories, reports with their one transition table, joins, requests, timelines, feedback, map and figures."""
