"""A package that brings one rule, one cell, one task and one penalty."""
