"""Replay real answers to measure what other collection policies would have cost."""
