"""What a candidate says of its training: optimizer, schedule, loss, averaging and augmentation."""
