"""Photos: taken in, rebuilt from their pixels, checked by WeChat, shown only to those who may see what they are attached to."""
