"""What points buy: rewards, at which stores, within which limits, and their stock."""
