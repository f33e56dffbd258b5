"""Party organisations: what they are, where they stand in the area tree, which one fits a person best."""
