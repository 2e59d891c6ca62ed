"""What an ending sets off."""
