"""trainshed: a Kubernetes-native training operator."""
