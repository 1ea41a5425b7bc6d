"""Searches whose workers train many trials side by side."""
