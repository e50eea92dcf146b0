"""What a request costs the gateway, beside a bare handler of the same framework: `local bench-gateway`."""
