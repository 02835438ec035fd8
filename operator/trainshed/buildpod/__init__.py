"""What runs in a build pod: fetches the user's code, packs it, pushes the image, tells the end.

It has no token of the API server, and nothing of it runs in the operator.
"""
