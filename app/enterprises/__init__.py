"""Enterprises that riders and couriers work for: name, social credit code, place in the area tree."""
