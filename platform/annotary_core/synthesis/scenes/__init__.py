"""Scenes of objects on a table or a lake, or of strokes on a table: compose draws one, synthesize writes a folder of
them with COCO labels.

layout draws the backgrounds, shapes the objects, strokes the lines, and brush has their drawing helpers; outlines
traces what is visible of an object.
"""
