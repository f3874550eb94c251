"""`python -m plumber_cli` is `plumber-cli`."""

from plumber_cli.main import main

main()
