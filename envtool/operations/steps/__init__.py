"""What several verbs share: choosing an engine, a place and sources; locking; the transaction; pip packages."""
