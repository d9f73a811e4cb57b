"""Published clients of Bitrix24, unmodified, as judges of the sandbox: what they read as a portal is one."""
