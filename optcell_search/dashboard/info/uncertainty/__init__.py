"""How sure the numbers are: rules and cells compared, with intervals."""
