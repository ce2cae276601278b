"""Data for people: a table of its fields, and a page with a batch of it."""
