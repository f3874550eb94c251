"""What spans the nouns of runs."""
