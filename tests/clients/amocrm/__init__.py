"""Published clients of amoCRM, unmodified, as judges of the sandbox: what they read as an account is one."""
