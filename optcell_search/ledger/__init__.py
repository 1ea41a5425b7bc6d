"""The ledger: what a run was asked to do and what came of it, as it is stored. Optuna, no Ray."""
