"""Stories as tests: whole installations beside a running sandbox, looked at as a manager looks at his CRM."""
