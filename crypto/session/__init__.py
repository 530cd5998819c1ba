"""What a session of any protocol is made of: messages, signatures, costs, faults, stages."""
