"""What spans the nouns of logs."""
