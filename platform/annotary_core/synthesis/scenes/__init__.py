"""Scenes of objects on a table or a lake: compose draws one, synthesize writes a folder of them with COCO labels.

layout draws the backgrounds, shapes the objects, and brush has their drawing helpers.
"""
