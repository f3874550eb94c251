"""SQS on this machine: a small one of our own, in memory, in a process of its own."""
