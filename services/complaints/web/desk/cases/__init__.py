"""The work list and the case page: who has to do what until when, and one case with its whole life."""
