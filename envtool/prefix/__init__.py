"""Things that lie in an environment, or in a list of environments, one file each: reading and writing together."""
