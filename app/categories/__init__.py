"""What can be reported: the tree of categories, each with its severity, points, limits and rules; every change is a new version."""
