"""Experiment trackers that follow a job: Weights & Biases, MLflow, TensorBoard."""
