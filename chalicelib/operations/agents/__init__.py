"""What spans the nouns of agents."""
