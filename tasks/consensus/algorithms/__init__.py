"""Consensus methods, usable by anyone: numpy and scipy, no Django. One method a file, one line in the registry."""
