"""TFF's workers: started, watched and ended with the run."""
