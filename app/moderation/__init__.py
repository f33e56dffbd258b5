"""What the content check leaves to people: the queue of texts and photos that a reviewer passes or blocks."""
