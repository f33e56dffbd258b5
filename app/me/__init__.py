"""What concerns one person across all features: the profile, consents, a copy of one's data, cancellation and erasure, reveals by staff."""
