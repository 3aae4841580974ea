"""Words in, words out: parse, call one operation, show what it returned. No decisions are taken here."""
