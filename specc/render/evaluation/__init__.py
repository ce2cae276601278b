"""What came of holding a run against the truth, for people: in words, as a page, as pictures."""
