"""Every command, in the order that --help lists them. A new command is one file and one line here."""
