"""What methods, checks and audits return."""
