"""Agents: what they are, how they join, and how often they are heard of. Pure."""
