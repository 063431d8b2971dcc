"""The public register, the article 30 register and each school's page of uses."""
