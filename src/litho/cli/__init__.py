"""The command line: options to a job, its result to the terminal."""
