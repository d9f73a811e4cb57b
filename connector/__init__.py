"""The part of Kasanie that talks: to CRMs, to the database, to browsers and to the clock."""
