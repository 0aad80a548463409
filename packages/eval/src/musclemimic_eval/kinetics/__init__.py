"""Forces: ground reaction, inverse dynamics, powers, and the signs they are reported in."""
