"""`litho trails`: print chains of reasoning into attention, and test whether new text follows."""
