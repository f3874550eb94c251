"""What surrounds the product: templates, policies, and the local stack."""
