"""Real servers and processes for the suites."""
