"""Policy documents to decisions: pure, and shared by the APIs, S3 and the gateway."""
