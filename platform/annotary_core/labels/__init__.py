"""The label format that people, models, imports and consensus share.

answer is the canonical answer, parse reads an untrusted one, and canonical gives its bytes and hash. schema holds a
project's classes and tools, geometry the shared coordinate frame, image_class the tool for a class of the whole image,
and shapes/ the tools for objects. arrays, errors and json_reading are shared by all of them.
"""
