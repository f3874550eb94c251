"""What is written and read of a job's output. Pure."""
