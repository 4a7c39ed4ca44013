"""Where listings come from: the scrape jobs, ours and others', and what they found."""
