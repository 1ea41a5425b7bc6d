"""The last step: chosen candidates trained again with fresh seeds, and only then tested."""
