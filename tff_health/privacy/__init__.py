"""Differentially private training of Keras models."""
