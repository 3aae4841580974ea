"""Text to model and back, pure. One file per format."""
