"""SQS: the agents' doorbells. Nothing else imports its client."""
