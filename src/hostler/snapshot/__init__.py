"""How the control plane's whole knowledge of routes reaches the data plane, and survives it."""
