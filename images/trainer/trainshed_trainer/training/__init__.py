"""How built-in models are trained; a new model needs no change here."""
