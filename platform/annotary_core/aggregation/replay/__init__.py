"""What other policies would have cost: real answers played back."""
