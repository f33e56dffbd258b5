"""Who answers for what was reported: units with their members, and the rules that lead a category in an area to a unit."""
