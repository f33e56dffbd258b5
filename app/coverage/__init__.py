"""两个覆盖: instructors and liaisons with their visits, which organisation covers which enterprise, and the share covered on any date."""
