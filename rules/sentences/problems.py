"""What can be wrong with a file, and the hints that cure it."""

from __future__ import annotations

from typing import Final

_MARKS: Final[dict[str, tuple[str, str]]] = {
    "in-rule": ("правило «{rule}»:", "rule '{rule}':"),
    "warning-mark": ("предупреждение:", "warning:"),
    "hint-mark": ("подсказка:", "hint:"),
}

_YAML: Final[dict[str, tuple[str, str]]] = {
    "not-utf8": ("файл не в кодировке UTF-8", "the file is not UTF-8"),
    "too-large": ("файл больше {limit}", "the file is larger than {limit}"),
    "bad-character": ("недопустимый знак {number}", "character {number} is not allowed"),
    "two-documents": (
        "в файле должен быть один документ, а «---» начинает второй",
        "a file holds one document, and '---' starts a second",
    ),
    "too-many-parts": ("в файле больше {limit} элементов", "the file has more than {limit} parts"),
    "too-many-keys": ("в одном месте больше {limit} элементов", "there are more than {limit} parts in one place"),
    "too-deep": ("вложенность глубже {limit} уровней", "nested more than {limit} levels deep"),
    "alias": ("ссылки (*{name}) не допускаются", "references (*{name}) are not allowed"),
    "anchor-mark": ("метки (&{name}) не допускаются", "anchors (&{name}) are not allowed"),
    "tag": ("теги ({name}) не допускаются", "tags ({name}) are not allowed"),
    "key-not-text": ("ключом может быть только текст", "a key must be plain text"),
    "duplicate-key": ("ключ «{key}» уже есть в строке {line}", "key '{key}' is already given in line {line}"),
    "yaml-colon": ("двоеточие с пробелом внутри текста без кавычек", "a colon and a space inside unquoted text"),
    "yaml-quote": ("кавычка открыта, но не закрыта до конца файла", "a quote is opened and never closed"),
    "yaml-brace": ("в «{…}» здесь ожидается запятая или «}»", "a comma or '}' is expected here inside '{…}'"),
    "yaml-bracket": ("в «[…]» здесь ожидается запятая или «]»", "a comma or ']' is expected here inside '[…]'"),
    "yaml-key": ("здесь ожидается ключ", "a key is expected here"),
    "yaml-dash": (
        "здесь ожидается элемент списка, начатый с «-»",
        "a list element, beginning with '-', is expected here",
    ),
    "yaml-escape": (
        "в двойных кавычках такого знака после «\\» не бывает",
        "no such character may follow '\\' in double quotes",
    ),
    "yaml-character": ("значение не может начинаться со знака «{character}»", "a value can't begin with '{character}'"),
    "yaml": ("это не YAML: {said}", "this is not YAML: {said}"),
}

_YAML_HINTS: Final[dict[str, tuple[str, str]]] = {
    "save-utf8": ("сохраните файл в кодировке UTF-8", "save the file as UTF-8"),
    "save-utf16": (
        "файл сохранён в UTF-16; выберите при сохранении UTF-8",
        "the file was saved as UTF-16; choose UTF-8",
    ),
    "write-out": ("напишите значение целиком ещё раз", "write the value out once more"),
    "quote-text": ("возьмите весь текст в двойные кавычки", "put the whole text in double quotes"),
    "quote-brace": (
        "текст с «{…}» возьмите в двойные кавычки целиком",
        "put the whole text that holds '{…}' in double quotes",
    ),
    "quote-comma": (
        "если это часть текста после запятой, возьмите весь текст в двойные кавычки",
        "if this is the part of a text after a comma, put the whole text in double quotes",
    ),
    "quote-value": ("возьмите значение в кавычки", "put the value in quotes"),
    "quote-hash": (
        "если « #» – часть текста, возьмите весь текст в двойные кавычки; примечание перенесите строкой выше",
        "if ' #' is part of the text, put all of it in double quotes; move a comment to the line above",
    ),
    "close-quote": ("закройте кавычку", "close the quote"),
    "close-brace": ("поставьте запятую или закройте «}»", "add a comma or close with '}'"),
    "close-bracket": ("поставьте запятую или закройте «]»", "add a comma or close with ']'"),
    "check-indent": (
        "проверьте отступы: соседние ключи стоят ровно друг под другом",
        "look at the indents: neighbouring keys stand exactly below each other",
    ),
    "single-quotes": ("возьмите текст в одинарные кавычки", "use single quotes for this text"),
    "no-tabs": ("замените табуляцию пробелами", "replace the tab by spaces"),
}

_SHAPE: Final[dict[str, tuple[str, str]]] = {
    "unknown-key": ("ключа «{key}» здесь не бывает", "key '{key}' is not known here"),
    "missing-key": ("нет ключа «{key}»", "key '{key}' is missing"),
    "unknown-value": ("значения «{value}» здесь не бывает", "value '{value}' is not known here"),
    "not-text": ("здесь нужен текст", "text is expected here"),
    "not-boolean": ("здесь нужно true или false", "true or false is expected here"),
    "not-whole": ("здесь нужно целое число", "a whole number is expected here"),
    "not-number": ("здесь нужно число", "a number is expected here"),
    "not-list": ("здесь нужен список", "a list is expected here"),
    "not-map": ("здесь нужны строки вида «ключ: значение»", "lines of the form 'key: value' are expected here"),
    "bad-form": ("значение записано не по форме", "the value does not have the right form"),
    "below-least": ("число меньше {limit}", "the number is less than {limit}"),
    "not-above": ("число должно быть больше {limit}", "the number must be more than {limit}"),
    "above-most": ("число больше {limit}", "the number is more than {limit}"),
    "not-under": ("число должно быть меньше {limit}", "the number must be less than {limit}"),
    "too-few": ("элементов меньше {limit}", "there are fewer than {limit} parts"),
    "too-many": ("элементов больше {limit}", "there are more than {limit} parts"),
    "text-too-short": ("текст короче {limit} знаков", "the text is shorter than {limit} characters"),
    "text-too-long": ("текст длиннее {limit} знаков", "the text is longer than {limit} characters"),
    "wrong-value": ("значение здесь не подходит", "the value does not fit here"),
}

_SHAPE_HINTS: Final[dict[str, tuple[str, str]]] = {
    "did-you-mean": ("может быть, «{name}»?", "did you mean '{name}'?"),
    "one-of": ("бывает: {names}", "one of: {names}"),
    "write-true": (
        "вместо yes/no, да/нет, on/off пишется true или false",
        "write true or false instead of yes/no or on/off",
    ),
    "true-or-false": ("напишите true или false, без кавычек", "write true or false, without quotes"),
    "give-value": ("после двоеточия ничего нет; напишите значение", "nothing follows the colon; write a value"),
    "plain-number": (
        "число пишется без кавычек и без нулей впереди",
        "a number is written without quotes and without leading zeros",
    ),
    "write-list": ("список пишется так: [{value}]", "a list is written like this: [{value}]"),
}

_LANGUAGE: Final[dict[str, tuple[str, str]]] = {
    "unknown-phase": ("фазы «{name}» нет", "phase '{name}' is not known"),
    "unknown-state": ("состояния «{name}» нет", "state '{name}' is not known"),
    "unknown-segment": ("сегмента «{name}» нет", "segment '{name}' is not known"),
    "unknown-loss-reason": ("причины отказа «{name}» нет", "loss reason '{name}' is not known"),
    "unknown-kind": ("вида касания «{name}» нет", "kind of touch '{name}' is not known"),
    "unknown-role": ("роли «{name}» нет", "role '{name}' is not known"),
    "unknown-pay": ("кода оплаты «{name}» нет", "pay code '{name}' is not known"),
    "unknown-subject": ("«{name}» – не сделка, не клиент и не контакт", "'{name}' is no deal, client or contact"),
    "unknown-rule": ("правила «{name}» в файле нет", "there is no rule '{name}' in this file"),
    "unknown-feast": ("праздника «{name}» в feasts нет", "there is no feast '{name}' under feasts"),
    "unknown-country": ("календаря страны «{name}» нет", "there is no calendar of country '{name}'"),
    "unknown-anchor": ("точки отсчёта «{name}» нет", "anchor '{name}' is not known"),
    "unknown-condition": ("условия «{key}» нет", "condition '{key}' is not known"),
    "unknown-column": ("столбца «{name}» у таблицы не бывает", "a table has no column '{name}'"),
    "unknown-field-name": ("поля «{name}» у этого правила быть не может", "this rule can't have a field '{name}'"),
    "unknown-dossier-field": ("поля «{name}» в досье нет", "the dossier has no field '{name}'"),
    "unknown-placeholder": ("подстановки «{name}» нет", "placeholder '{name}' is not known"),
    "dossier-no-date": ("поле досье «{name}» – не дата", "dossier field '{name}' is no date"),
    "dossier-value": (
        "содержимое поля досье «{name}» в задачу не пишется",
        "the content of dossier field '{name}' is never written into a task",
    ),
    "condition-of-other": (
        "условие «{key}» бывает только у правил для {subject}",
        "condition '{key}' is only for rules about a {subject}",
    ),
    "anchor-of-other": (
        "точка отсчёта «{name}» бывает только у правил для {subject}",
        "anchor '{name}' is only for rules about a {subject}",
    ),
    "placeholder-of-other": (
        "подстановка «{name}» бывает только у правил для {subject}",
        "placeholder '{name}' is only for rules about a {subject}",
    ),
    "column-of-other": (
        "столбец «{name}» бывает только у правил для deal",
        "column '{name}' is only for rules about a deal",
    ),
    "kind-needs-deal": ("«{name}» бывает только у правил для deal", "'{name}' is only for rules about a deal"),
    "bad-phrase": ("«{text}» – не срок", "'{text}' is no term"),
    "bad-duration": ("«{text}» – не длительность", "'{text}' is no duration"),
    "unit-not-here": ("единица «{unit}» здесь не подходит", "unit '{unit}' does not fit here"),
    "zero-duration": ("длительность здесь должна быть больше нуля", "the duration must be more than zero here"),
    "zero-interval": ("интервал должен быть больше нуля", "an interval must be more than zero"),
    "bad-at-most": ("«{text}» – не предел", "'{text}' is no limit"),
    "bad-seconds": ("«{text}» – не число секунд", "'{text}' is no number of seconds"),
    "bad-hours": ("«{text}» – не часы", "'{text}' are no hours"),
    "bad-day": ("«{text}» – не дата", "'{text}' is no date"),
    "bad-yearly": ("«{text}» – не день года", "'{text}' is no day of the year"),
    "bad-id": ("«{text}» не годится в id", "'{text}' can't be an id"),
    "not-percent": ("здесь нужны проценты, от 0% до 100%", "a percentage from 0% to 100% is expected here"),
    "short-day": ("от короткого дня ничего не остаётся", "nothing is left of the short day"),
    "empty-list": ("список пуст", "the list is empty"),
    "empty-text": ("текст пуст", "the text is empty"),
    "twice-in-list": ("«{name}» в списке дважды", "'{name}' is in the list twice"),
    "missing-language": ("нет текста на языке «{name}»", "the text in language '{name}' is missing"),
    "no-bound": ("не сказано, с чем сравнивать", "what to compare with is missing"),
    "lone-brace": ("фигурная скобка без пары", "a brace without its pair"),
    "one-column": ("у таблицы должен быть один столбец", "a table has exactly one column"),
    "then-first": ("первый шаг не может начинаться с «затем»", "the first step can't be 'then'"),
    "then-in-table": ("внутри таблицы «затем» не бывает", "there is no 'then' inside a table"),
    "then-in-every": ("в every «затем» не бывает", "there is no 'then' in every"),
    "list-in-every": ("every – один срок, не список", "every is one term, not a list"),
    "every-needs-after": ("every считается только «после»", "every counts only 'after'"),
    "milestone-in-every": (
        "«{name}» – событие, от него считает due, а every – от ритма",
        "'{name}' happens once: due counts from it, every counts from a rhythm",
    ),
    "rhythm-in-due": (
        "«{name}» повторяется, от него считает every, а не due",
        "'{name}' keeps moving: every counts from it, due does not",
    ),
    "before-needs-date": (
        "«{name}» заранее неизвестно: «до» и «в день» бывают только у дат",
        "'{name}' is not known beforehand: 'before' and 'on' are only for dates",
    ),
    "hours-before-date": (
        "до даты считают днями, не часами и не минутами",
        "days, not hours or minutes, count down to a date",
    ),
    "closed-phase": (
        "у закрытой сделки («{phase}») phase.entered не бывает",
        "a closed deal ('{phase}') has no phase.entered",
    ),
    "due-and-every": ("due и every вместе не бывают", "due and every exclude each other"),
    "due-or-every": ("нужен due или every", "due or every is missing"),
    "field-or-revenue": ("нужно одно из двух: field или revenue", "exactly one of field and revenue is needed"),
    "revenue-order": ("доля A должна быть меньше доли B", "the share of A must be less than that of B"),
    "states-order": (
        "пределы должны расти: at_risk, sleeping, gone",
        "the limits must grow: at_risk, sleeping, gone",
    ),
    "duplicate-id": ("id «{id}» уже занят в строке {line}", "id '{id}' is already used in line {line}"),
    "rule-names-itself": ("правило «{name}» называет само себя", "rule '{name}' names itself"),
    "word-in-means": (
        "«{key}» не может опираться на слово, которое само здесь определяется",
        "'{key}' is a word defined here and can't be used in a definition",
    ),
    "word-without-meaning": ("в means не сказано, что такое «{key}»", "means does not say what '{key}' is"),
    "other-dossier": ("досье портала – «{known}», а не «{name}»", "the portal's dossier is '{known}', not '{name}'"),
    "no-decree": (
        "календарь {country} на {year} год ещё не утверждён: известны только постоянные праздники",
        "the calendar of {country} for {year} is not decreed yet: only fixed holidays are known",
    ),
    "batch-one-by-one": (
        "режим «{mode}» пока работает как propose: каждое касание предлагается отдельно",
        "mode '{mode}' works like propose for now: each touch is offered by itself",
    ),
    "comment-after-text": (
        "текст кончился на « #», остальное – примечание",
        "the text ended at ' #', the rest is a comment",
    ),
}

_LANGUAGE_HINTS: Final[dict[str, tuple[str, str]]] = {
    "latin-letters": (
        "буквы здесь русские; наберите латиницей: {name}",
        "these are Russian letters; type {name} in Latin",
    ),
    "write-phrase": (
        "пишите так: 3 рабочих дня после phase.entered; за 1 день до deal.invoice_due; в день contact.birthday",
        "write like this: 3 working days after phase.entered; 1 day before deal.invoice_due; on contact.birthday",
    ),
    "write-duration": (
        "число и единица целиком: 30 рабочих минут, 4 рабочих часа, 3 рабочих дня, 7 дней, 2 недели, 0.8 цикла",
        "a number and a whole unit: 30 working minutes, 4 working hours, 3 working days, 7 days, 2 weeks, 0.8 cycles",
    ),
    "write-days": ("пишите, например: 15 days или 15 дней", "write for instance: 15 days"),
    "write-after": ("пишите, например: 0 дней после {name}", "write for instance: 0 days after {name}"),
    "write-every": ("поставьте every вместо due", "write every instead of due"),
    "write-at-most": ("пишите так: 4 за 12 месяцев", "write like this: 4 per 12 months"),
    "write-seconds": ("пишите так: 30 секунд", "write like this: 30 seconds"),
    "write-hours": (
        "пишите так: 09:00-18:00 или 09:00-13:00, 14:00-18:00",
        "write like this: 09:00-18:00 or 09:00-13:00, 14:00-18:00",
    ),
    "write-quiet-hours": ("пишите так: 20:00-09:00", "write like this: 20:00-09:00"),
    "write-day": ("пишите так: 2026-05-04", "write like this: 2026-05-04"),
    "write-yearly": (
        "пишите так: 8 марта, второе воскресенье августа",
        "write like this: 8 March, second Sunday of August",
    ),
    "write-id": (
        "строчные латинские буквы, цифры и дефис между ними, до 60 знаков: first-contact",
        "lower-case letters, digits and hyphens between them, at most 60 characters: first-contact",
    ),
    "write-percent": ("пишите так: 60%", "write like this: 60%"),
    "write-bound": ("пишите так: {below: 7} или {at_least: 2}", "write like this: {below: 7} or {at_least: 2}"),
    "write-field": (
        "пишите так: {client.industry: строительство} или {dossier.next_need: {ahead: true}}",
        "write like this: {client.industry: construction} or {dossier.next_need: {ahead: true}}",
    ),
    "write-table": (
        "пишите строки вида «offer: 7 рабочих дней после last_touch»",
        "write lines like 'offer: 7 working days after last_touch'",
    ),
    "write-placeholder": (
        "подстановка пишется так: {client.name}",
        "a placeholder is written like this: {client.name}",
    ),
    "write-country": (
        "код страны из двух букв, например RU, KZ, BY",
        "a country code of two letters, for instance RU, KZ, BY",
    ),
    "use-anchor": ("считайте от {name}", "count from {name}"),
}

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    **_MARKS,
    **_YAML,
    **_YAML_HINTS,
    **_SHAPE,
    **_SHAPE_HINTS,
    **_LANGUAGE,
    **_LANGUAGE_HINTS,
}
