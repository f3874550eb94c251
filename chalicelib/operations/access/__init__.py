"""What spans the nouns of access."""
