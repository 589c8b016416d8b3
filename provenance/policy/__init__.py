"""Rights that a program can decide: terms of use, grants, and one answer to "may X do Y now?".

``vocabulary`` names the bits, ``territory`` the countries, ``terms`` the record that the contract
stores, ``json_form`` its JSON. ``grants`` holds what a check looks at, ``evaluation`` decides,
``narrowing`` says in which field a child is wider than its parent, ``ceiling`` folds the terms of
inputs into what bounds a work made from them. ``licenses`` has ready-made
terms for usual data licences, ``odrl`` reads and writes ODRL 2.2.

Promises: pure; the same answer as the contracts ``Policies`` and ``Licenses`` on the same state;
what is not known is never permitted. Must never do I/O, and never read the clock.
"""
