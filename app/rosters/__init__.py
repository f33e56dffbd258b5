"""Rosters of enterprises and Party organisations: read, matched with registrations, swept."""
