"""Ways to bring segments into a running stack: through the services, or straight to the topics."""
