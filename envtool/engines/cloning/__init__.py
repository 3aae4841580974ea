"""An environment in a second place, or in another one: its files carried, and the paths in them re-pointed."""
