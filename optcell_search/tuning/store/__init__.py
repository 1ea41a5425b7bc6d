"""Where weights lie, on a disk or behind a URI, and which of them stay."""
