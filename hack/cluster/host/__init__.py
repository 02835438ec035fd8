"""The host provider: real Kubernetes components as processes of this machine.

One module for each thing that is set up; `provider` puts them in order, `teardown` undoes them.
"""
