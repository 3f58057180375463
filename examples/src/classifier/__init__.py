"""Classifies pictures and reviews."""
