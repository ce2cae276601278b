"""Rules of `keras.ops`, a file a family. A rule bears its function's name and stands in its module's `__all__`.

Shapes and dtypes are what Keras declares for symbolic tensors, since that is what a network is built from.
"""
