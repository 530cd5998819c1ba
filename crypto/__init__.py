"""Secure sums for federated learning, from cryptographic primitives to whole protocols.

A protocol is a session over roles and messages: the clients' vectors go in, and the sum over the
survivors, or an error, comes out. Nothing here knows TensorFlow, TFF or Keras.

    what is said        parties, errors, domain, wire, bit_packing, sealing
    primitives          randomness, field, shamir, fixed_base, multi_power,
                        groups (safe_prime_group, curve_group, secp256k1_group),
                        key_agreement, prg, aead, signatures,
                        share_channel, pedersen, elgamal, discrete_log (log_table),
                        threshold_elgamal, proofs/, paillier, packed_paillier (safe_primes,
                        randomiser_table), homomorphic (the interface) and vector_schemes/
    numbers             residues, fixed_point, slot_packing
    running a protocol  secure_sum (the interface), channel, faults, costs; session_messages,
                        session_part (a client's steps), opened_rounds, staged_server,
                        stage_runner, exchange, doorkeeper, cohorts
    protocols           masking/ (double masking, complete and sparse), pairwise_masking/ (the
                        paper's masks, without self masks), dkg/ (distributed key generation),
                        elgamal_sum/ (threshold ElGamal), paillier_sum/ (its twin), quality_sum/
                        (the paper's scheme V: masks and ElGamal in one session),
                        homomorphic_sum/ (all parameters encrypted, the paper's scheme IV)

Imports point upwards in this list; no primitive knows a protocol.
"""
