"""What a user asks for, whole. One file per operation: it owns the plan, the lock, the order of the halves, undo."""
