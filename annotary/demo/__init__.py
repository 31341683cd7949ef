"""A complete labeling project over HTTP with a simulated crowd (`manage.py demo`), or only the crowd (`simulate`)."""
