"""Runs of several processes: started here, or written down for a cluster that starts them."""
