"""Where a ledger lies: databases, journal files, their locks, and names in a run folder."""
