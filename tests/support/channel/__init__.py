"""A real conda channel made from the running Python and a few wheels, and a server with faults on demand."""
