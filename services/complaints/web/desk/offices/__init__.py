"""Pages of the office beside complaints: rewards and their cashier, the register of supervisors, surveys."""
