"""Response inhibition: respond, withhold or stop."""
