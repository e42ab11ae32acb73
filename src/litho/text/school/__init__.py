"""What a school is made of: invented worlds, books, and the genome that puts them in order."""
