"""AWS's wire, driven by botocore's models: route, parse, validate, serialise, signatures."""
