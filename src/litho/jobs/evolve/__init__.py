"""`litho evolve`: genomes are varied, raced against each other over seeds, and tested afresh."""
