"""Foreign programs that tests run beside ours: installed outside the repository, never shipped."""
