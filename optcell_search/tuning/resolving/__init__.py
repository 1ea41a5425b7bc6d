"""From what a user asks for to a request with everything checked and resolved."""
