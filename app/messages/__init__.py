"""The inbox that every member and every official reads, and its best-effort copies as WeChat subscription messages."""
