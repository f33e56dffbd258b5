"""The texts that stand for everybody to read before signing in: privacy, terms of use, children; each with all of its versions."""
