"""Makes the Grafana dashboard, the recording rules and the reference of metrics."""
