"""How strong regularization should be: coefficients tried, chosen and judged on data."""
