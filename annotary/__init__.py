"""The Django project, the top floor: it composes everything below.

settings/, urls, asgi, wsgi and celery configure the site; cli dispatches the commands of `manage.py`; health, logs,
cache, sessions and staticfiles are the shared services of a running site. runtime/ runs everything on one machine under
one supervisor, demo/ is the simulated crowd, and management/ has the commands. Nothing below imports this package.
"""

VERSION = "0.1.0"
