"""Points that amoCRM's documents leave open (docs/sandbox.md)."""

from __future__ import annotations

READINGS: dict[str, bool | str] = {
    "api_filter": False,  # the paid filter of leads, contacts and companies
    "throttle_as_text": False,  # a 429 without JSON
    "retry_after": "1",  # seconds, in the body of a 429
    "block_after": "30",  # refused requests in 10 s that shut the account out with a 403 page; 0: never
    "block_seconds": "5",
    "refresh_ends_access": True,  # a renewal ends the access token it renews
    "oauth_error_status": "401",  # of a refused code or refresh token: 401 as seen, or 400 as the documents list
    "renamed_status": "401",  # what an account that was renamed answers under its old name: 401 or 404
    "creation_tells_links": False,  # a new card's links have events of their own
    "array_partial": False,  # of an array with wrong entities the others are applied all the same
    "dates_in_utc": False,  # dates are told as midnight in UTC, not in the account's zone
    "empty_fields_absent": False,  # a card without filled fields has no custom_fields_values at all, not null
    "gzip_bodies": False,  # answers are compressed where the caller takes gzip
    "chunked_bodies": False,  # answers come in chunks, without a length
    "retry_after_header": False,  # a 429 has a Retry-After header too
    "chats": True,  # chats are told as events
    "mails_as_notes": True,  # mails are notes of type amomail_message, which no page documents
    "move_sends_update": True,  # a stage move sends leads[update] beside leads[status]
    "account_first": False,  # account[...] stands before the entity in a webhook
    "subscribing_enables": True,  # POST of a known destination switches a disabled webhook on again
    "hooks_grouped": False,  # waiting webhooks of one entity and action share a POST
    "hooks_mixed": False,  # waiting webhooks of whatever entities and actions share a POST
    "stale_old_keys": False,  # old_status_id and old_responsible_user_id come although nothing of it changed
    "doubled_index": False,  # task[update][0][0], as the documents print it
    "contacts_responsible_action": False,  # contacts[responsible] instead of contacts[update]
    "unsorted_rings_lead": False,  # a lead in an unsorted stage rings leads[add] beside unsorted[add]
    "accept_rings_status": True,  # an accepted lead rings leads[status] beside unsorted[delete]
    "customers_mode": "disabled",  # of buyers: unavailable, disabled, segments or periodicity
    "hook_timeout_code": "499",  # what a webhook that was not answered in time counts as: 499 or 0
    "hook_retry_factor": "0.01",  # the retry ladder's minutes, shortened
}
"""What the documents leave open, and how it stands in a fresh sandbox."""
