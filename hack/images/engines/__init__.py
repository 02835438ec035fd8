"""The programs that can build an image: buildah and docker, behind one protocol."""
