"""Runs inside the base image: Python starts, and knows certificate authorities."""

import ssl
import sys

found = len(ssl.create_default_context().get_ca_certs())
assert found > 50, f"only {found} certificate authorities"
sys.stdout.write(f"base: Python {sys.version.split()[0]}, {found} certificate authorities\n")
