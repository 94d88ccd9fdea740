"""Amazon S3, as far as models are uploaded, listed and fetched: a process of its own."""
