"""Django commands: aggregate, agreement, replay and synthesize work on files alone; ingest imports a folder."""
