"""A package, so that pytest does not put this folder on the path: its `requests` would stand in the way of the library."""
