"""Plumber's control plane: the product (this folder), its technologies and its entry points."""
