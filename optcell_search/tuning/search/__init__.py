"""What to train next, who goes on, and the loop over Ray Tune that asks for both."""
