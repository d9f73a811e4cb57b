"""The sandbox: one invented client base with its own clock, and a face per CRM. Shares no code with Kasanie."""
