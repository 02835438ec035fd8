"""Turns watch events into reconcile passes: cache, queue, reconciler, leader, kopf's adapter."""
