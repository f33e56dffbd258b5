"""Talking with WeChat: the client of its server API, the message push that it sends us, and a simulator of it for development."""
