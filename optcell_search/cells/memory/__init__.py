"""Cells with a memory beside the state: polynomials of the past, or a matrix that learns."""
