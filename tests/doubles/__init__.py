"""Foreign programs, rebuilt from their source: they share no code with the tool."""
