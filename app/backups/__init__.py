"""Backups of the embedded server: taken, kept for a while, restored into a folder of their own; and when that last went well.

What is judged after a restore needs the whole service and stands in `app/cli_backups.py`.
"""
