"""Steps that several verbs share: engine, location, sources, lock, transaction, pip packages."""
