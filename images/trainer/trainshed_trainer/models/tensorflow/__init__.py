"""The built-in models in Keras: each module has `build(params, shape, classes)`.

`shape` is channels first, as the data are; the models themselves take channels last.
"""
