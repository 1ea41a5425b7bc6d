"""How sure the numbers are: intervals, the gain over the plain cell, rules and cells compared."""
