"""Cells whose state obeys a linear recurrence, computed over the whole time at once."""
