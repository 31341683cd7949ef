"""The core of Annotary as a pure library: no Django, no Celery, no Channels, no database.

labels/ is the label format, formats/ reads and writes dataset formats, aggregation/ computes consensus labels from
several workers' answers, and synthesis/ draws images whose labels are known exactly. labels/ and aggregation/ need only
numpy, scipy and shapely. labels/ imports none of the others, and the others do not import each other.
"""
