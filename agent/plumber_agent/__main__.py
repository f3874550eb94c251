"""`python -m plumber_agent` is `plumber-agent`."""

from plumber_agent.main import main

main()
