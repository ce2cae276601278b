"""YAML as specs are written in it: text in, trees with places out. Specs and what they extend."""
