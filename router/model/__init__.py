"""What is compiled: features, scores, calibration, and the file that holds them."""
