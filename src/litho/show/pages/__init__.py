"""The pages of the reports, one for each kind of run."""
