"""Notices and policies that staff publish to areas, trades and organisations; who read them is counted, never told."""
