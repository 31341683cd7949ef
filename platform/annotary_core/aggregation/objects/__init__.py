"""Objects of several workers that mean the same thing become one: matching, existence, geometry; see matching.py."""
