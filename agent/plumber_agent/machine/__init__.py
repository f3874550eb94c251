"""What every program of Plumber's on a machine needs: identity, wire, files, logs, processes."""
