"""Rules of Keras's layers, a file a family. A rule bears its layer's name and stands in its module's `__all__`."""
