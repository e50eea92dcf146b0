"""What requests cost the gateway, beside bare handlers of its framework."""
