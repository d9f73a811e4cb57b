"""Tests of the CRM adapters: the shared contract, canned answers, and one folder per CRM."""
