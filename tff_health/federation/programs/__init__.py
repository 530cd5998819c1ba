"""The programs of a study: the server, a site, and the authority or key holder.

What needs TensorFlow is imported when a program begins, so that other commands need not wait.
"""
