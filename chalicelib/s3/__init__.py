"""S3: logs and files. The only importer of its client."""
