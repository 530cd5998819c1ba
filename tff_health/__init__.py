"""Privacy-preserving federated learning for healthcare, simulated in TensorFlow Federated.

Importing this package is free: TensorFlow and TFF are loaded by the modules that need them.
"""

__version__ = "0.1.0"
