"""A file a command, found by its name.

Each holds a click command named `command`. The file's docstring is the command's help and its page in
`docs/reference`; a paragraph that is indented by four spaces is kept as it stands.
"""
