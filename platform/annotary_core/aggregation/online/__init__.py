"""Posteriors that follow each answer as it comes, with a state that stands still."""
