"""One module a protocol: requests to members, results and errors to responses."""
