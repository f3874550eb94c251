"""The suites; style.md says what each is for."""
