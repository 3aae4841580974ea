"""Hardware facts, the table of torch builds, and the choice between them."""
