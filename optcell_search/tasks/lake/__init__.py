"""The temperature of a lake by depth, beside a process model."""
