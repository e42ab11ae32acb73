"""Records, statistics, configuration and run directories: knows neither texts nor models."""
