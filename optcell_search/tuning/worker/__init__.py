"""What runs on a worker: one trial in training."""
