"""Tests of a trained model: how fast it trains, and what it makes of held-out samples."""
