"""What the pages of every service need: words in two languages, style sheets, answers that browsers may trust."""
