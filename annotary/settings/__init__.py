"""Django settings: base is shared; embedded (one machine), production and test extend it; env reads the environment."""
