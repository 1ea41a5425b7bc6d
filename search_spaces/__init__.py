"""Search spaces shipped as data: one TOML file a space, read by ``SearchSpace.load``."""
