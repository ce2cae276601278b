"""Rules of the architectures of `keras.applications`. A rule bears the name of its architecture."""
