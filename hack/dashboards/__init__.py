"""Makes the Grafana dashboard and the reference of metrics from the registry of their names."""
