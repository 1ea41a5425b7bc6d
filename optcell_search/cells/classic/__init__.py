"""The cells everybody knows, an orthogonal matrix, and reservoirs."""
