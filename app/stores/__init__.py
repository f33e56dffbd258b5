"""Neighbourhood shops: where they are, when they are open, who works there."""
