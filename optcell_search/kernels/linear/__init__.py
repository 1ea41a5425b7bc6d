"""Linear recurrences over time, and the delta memory: loops that scan in parallel."""
