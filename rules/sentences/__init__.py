"""Tables of sentences, code -> (Russian, English), one file per part of the core; `rules.texts` reads them all."""
