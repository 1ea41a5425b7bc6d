"""Sets of data that others have collected; their files are read, never shipped."""
