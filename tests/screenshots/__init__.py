"""Pictures of the panel: see `__main__`."""
