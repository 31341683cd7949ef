"""Merge the objects of several workers into consensus objects: matching, existence, geometry; see matching.py."""
