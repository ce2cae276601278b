"""The network of a plan, for people and for programs: a table, JSON, and pictures in Mermaid and SVG."""
