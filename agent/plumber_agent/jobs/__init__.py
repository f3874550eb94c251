"""A job on the machine: from its journal entry to its command's end, and the report of that."""
