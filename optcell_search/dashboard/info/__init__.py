"""What the views show, as plain data that tests compare exactly."""
