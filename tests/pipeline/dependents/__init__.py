"""Edits of a library, and whether its dependents are compiled again exactly when they have to be."""
