"""The catalogue, and what a mirror means for each client."""
