"""`make demo`: a cluster, the chart, one training job, and its throughput in Prometheus."""
