"""Runs, steps and jobs: their states, and what should happen next. Pure."""
