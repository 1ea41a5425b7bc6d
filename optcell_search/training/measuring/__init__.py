"""What is measured of a model: its scores, size and speed, and the baseline beside it."""
