"""The connector's sentences for people, by what they are about; `connector.texts` joins them."""
