"""A real conda channel, made from this machine's own Python and a few wheels, and a server that can misbehave."""
