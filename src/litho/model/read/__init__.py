"""What a model predicts and says."""
