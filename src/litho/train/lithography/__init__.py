"""Which way of presenting a text prints deepest for the least damage: arms, trials, comparison."""
