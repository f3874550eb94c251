"""What spans the nouns of tasks."""
