"""Reading tables and series, whatever file they stand in."""
