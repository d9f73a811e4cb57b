"""One folder here is one CRM; `port` is what each of them must answer; `kinds` lists them."""
