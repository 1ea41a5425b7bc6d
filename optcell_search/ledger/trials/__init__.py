"""The trials of a ledger: waiting, running, ended, and as they are read again."""
