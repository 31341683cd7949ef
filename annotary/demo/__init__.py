"""A whole labeling job over HTTP by a simulated crowd (`manage.py demo`), or the crowd alone (`manage.py simulate`)."""
