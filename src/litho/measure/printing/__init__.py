"""What printing did: imprint, drift, spill, locality, and the verdict on them."""
