"""Tasks: definitions in TOML, their parameters, targets and schedules. Pure."""
